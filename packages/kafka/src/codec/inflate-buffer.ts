/**
 * The output of our snappy and lz4 decoders: it grows with what is really there, never by what a header claims, and
 * never above its cap. Both formats consist of literals and of repeats of earlier output.
 */

/** The decompressed bytes would exceed the cap. */
export class InflateLimitError extends Error {
  override readonly name = 'InflateLimitError'
}

const INITIAL_RATIO = 4
/** below this length a loop is quicker than the call into native code */
const SHORT = 16

export class InflateBuffer {
  size = 0
  #bytes: Buffer
  readonly #bytesMax: number

  constructor(inputBytes: number, bytesMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(inputBytes * INITIAL_RATIO, bytesMax))
    this.#bytesMax = bytesMax
  }

  /** What has been put out; the buffer is the caller's from now on. */
  result(): Buffer {
    return this.#bytes.subarray(0, this.size)
  }

  /** Puts out `length` bytes of `input`, which must have them. */
  literal(input: Buffer, at: number, length: number): void {
    if (length < 0 || length > input.length - at) throw new Error('literal beyond the input')
    const target = this.#reserve(length)
    const size = this.size
    if (length > SHORT) input.copy(target, size, at, at + length)
    else for (let index = 0; index < length; index++) target[size + index] = input[at + index]!
    this.size = size + length
  }

  /** Puts out `length` bytes beginning `distance` bytes back; where they overlap with what is put out, they repeat. */
  repeat(distance: number, length: number): void {
    const size = this.size
    if (distance <= 0 || distance > size) throw new Error('repeat from before the output')
    const target = this.#reserve(length)
    const from = size - distance
    if (length > SHORT && distance >= length) target.copyWithin(size, from, from + length)
    else for (let index = 0; index < length; index++) target[size + index] = target[from + index]!
    this.size = size + length
  }

  #reserve(bytes: number): Buffer {
    const needed = this.size + bytes
    if (needed > this.#bytes.length) {
      if (needed > this.#bytesMax) throw new InflateLimitError(`more than ${this.#bytesMax} bytes`)
      const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, this.#bytes.length * 2), this.#bytesMax))
      this.#bytes.copy(grown, 0, 0, this.size)
      this.#bytes = grown
    }
    return this.#bytes
  }
}
