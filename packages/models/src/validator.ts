/** What a model becomes: one question, asked for each payload or property. */
export interface Validator {
  /**
   * Null: it fits. Else why not, for logs and for the client: short printable ASCII, nothing of the payload in it. Never
   * throws, whatever the payload is, and keeps nothing of it.
   */
  check(payload: Buffer): string | null
}
