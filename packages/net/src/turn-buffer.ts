/** What is written in one turn, copied together, so that it leaves in few writes. For whoever owns a socket or a WebSocket. */

const CHUNK_MIN = 512
const CHUNK_MAX = 65_536

const NOTHING: readonly Buffer[] = []

export class TurnBuffer {
  #chunk: Buffer | null = null
  #used = 0
  #full: Buffer[] | null = null
  #chunkSize = CHUNK_MIN

  append(payload: Buffer): void {
    let at = 0
    while (at < payload.length) {
      const left = payload.length - at
      if (this.#chunk === null || this.#used === this.#chunk.length) this.#nextChunk(left)
      const chunk = this.#chunk!
      const count = Math.min(left, chunk.length - this.#used)
      payload.copy(chunk, this.#used, at, at + count)
      this.#used += count
      at += count
    }
  }

  /** Everything since the last call; all chunks but the last are full. */
  take(): readonly Buffer[] {
    const full = this.#full
    const last = this.#chunk?.subarray(0, this.#used)
    // Who wrote much last turn will probably do so again: no regrowing.
    this.#chunkSize = Math.min(Math.max(full === null ? this.#used : CHUNK_MAX, CHUNK_MIN), CHUNK_MAX)
    this.#full = null
    this.#chunk = null
    this.#used = 0
    if (last === undefined) return NOTHING
    if (full === null) return [last]
    full.push(last)
    return full
  }

  /** Grows a small chunk in place of starting another, so that a turn of many small writes stays one buffer. */
  #nextChunk(needed: number): void {
    const chunk = this.#chunk
    if (chunk === null) {
      this.#chunk = Buffer.allocUnsafe(Math.min(Math.max(this.#chunkSize, needed), CHUNK_MAX))
      return
    }
    if (chunk.length < CHUNK_MAX) {
      const size = Math.min(Math.max(chunk.length * 2, chunk.length + needed), CHUNK_MAX)
      this.#chunk = Buffer.allocUnsafe(size)
      chunk.copy(this.#chunk, 0, 0, this.#used)
      return
    }
    this.#full ??= []
    this.#full.push(chunk)
    this.#chunk = Buffer.allocUnsafe(CHUNK_MAX)
    this.#used = 0
  }
}
