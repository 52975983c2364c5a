/** What is no header of the PROXY protocol. The message names the fault, and nothing that the peer has sent as it is. */
export class HeaderFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'HeaderFault'
  }
}
