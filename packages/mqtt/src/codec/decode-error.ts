/**
 * The one error that bytes of a peer can cause in the decoder. It ends the connection: nothing after it is decoded.
 * The message names the packet, the field and the clause it breaks, for logs; it quotes no content.
 */
export class DecodeError extends Error {
  /** MQTT 5.0 reason code for CONNACK or DISCONNECT; `returnCodeOf` gives the answer to a 3.1.1 CONNECT */
  readonly reasonCode: number
  /** the level byte of a CONNECT refused with 0x84, else null */
  readonly protocolLevel: number | null

  constructor(reasonCode: number, message: string, protocolLevel: number | null = null) {
    super(message)
    this.name = 'DecodeError'
    this.reasonCode = reasonCode
    this.protocolLevel = protocolLevel
  }
}
