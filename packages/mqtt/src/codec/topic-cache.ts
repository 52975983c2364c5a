/**
 * The last few topic names of one connection, found by their bytes, so that a client that publishes to the same topics does
 * not make a new string each time. Used by the decoder; holds only names already checked, ASCII and short.
 */
const SLOTS = 8
const LENGTH_MAX = 128

export class TopicCache {
  readonly #slots: string[] = new Array<string>(SLOTS).fill('')

  /** The name with exactly these bytes, or null. */
  find(buffer: Buffer, start: number, end: number): string | null {
    const length = end - start
    if (length === 0) return null
    const name = this.#slots[slotOf(length, buffer[end - 1]!, buffer[start + (length >> 1)]!)]!
    if (name.length !== length) return null
    // from the end: names of one client mostly differ there
    for (let i = length - 1; i >= 0; i--) {
      if (name.charCodeAt(i) !== buffer[start + i]) return null
    }
    return name
  }

  keep(name: string, bytes: number): void {
    // as many characters as bytes: ASCII, so that a character compares with a byte
    if (name.length !== bytes || bytes === 0 || bytes > LENGTH_MAX) return
    this.#slots[slotOf(bytes, name.charCodeAt(bytes - 1), name.charCodeAt(bytes >> 1))] = name
  }
}

function slotOf(length: number, last: number, middle: number): number {
  return (length ^ last ^ middle) & (SLOTS - 1)
}
