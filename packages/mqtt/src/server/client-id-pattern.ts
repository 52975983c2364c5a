/**
 * A client identifier pattern of a route: `*` is any run of characters, everything else is literal. Asked once per
 * CONNECT; not a regular expression, because what a peer sends must not choose how long it takes.
 */
export class ClientIdPattern {
  readonly #parts: readonly string[]

  constructor(pattern: string) {
    this.#parts = pattern.split('*')
  }

  matches(clientId: string): boolean {
    const last = this.#parts.length - 1
    const head = this.#parts[0] ?? ''
    const tail = this.#parts[last] ?? ''
    if (last === 0) return clientId === head
    if (clientId.length < head.length + tail.length) return false
    if (!clientId.startsWith(head) || !clientId.endsWith(tail)) return false
    let at = head.length
    for (const part of this.#parts.slice(1, last)) {
      const found = clientId.indexOf(part, at)
      if (found === -1) return false
      at = found + part.length
    }
    return at <= clientId.length - tail.length
  }
}
