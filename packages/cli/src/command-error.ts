/** A reason to end a command that is the user's to mend: printed as one line by main.ts, with a stack trace on request. */
export class CommandError extends Error {
  /** `message` names what is wrong and where */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandError'
  }
}
