/**
 * Holds many small byte strings outside the JavaScript heap: a million buffers would cost more than what is in them. A
 * place is given out by number and given back by its owner; freed places are used again for the same size.
 */

const UNIT = 16
const SLAB_BYTES = 256 * 1024
const SLAB_UNITS = SLAB_BYTES / UNIT
/** What is larger gets a slab of its own, which goes with it. */
const SHARED_MAX = 16 * 1024
/** Sizes up to here are exact to a unit, larger ones to an eighth. */
const EXACT_UNITS = 64
const NO_SLAB = Buffer.alloc(0)

export class SlabStore {
  readonly #slabs: Buffer[] = []
  readonly #emptied: number[] = []
  /** free places by size in units */
  readonly #free = new Map<number, number[]>()
  #open = -1
  #openAt = SLAB_UNITS
  #bytes = 0

  /** bytes given out, rounding included */
  get bytes(): number {
    return this.#bytes
  }

  /** A place for so many bytes, not cleared. */
  allocate(bytes: number): number {
    const units = unitsFor(bytes)
    this.#bytes += units * UNIT
    if (bytes > SHARED_MAX) return this.#addSlab(units * UNIT) * SLAB_UNITS
    const free = this.#free.get(units)?.pop()
    if (free !== undefined) return free
    if (this.#openAt + units > SLAB_UNITS) {
      this.#open = this.#addSlab(SLAB_BYTES)
      this.#openAt = 0
    }
    const place = this.#open * SLAB_UNITS + this.#openAt
    this.#openAt += units
    return place
  }

  /** `bytes` as asked for. The place must not be used any more. */
  release(place: number, bytes: number): void {
    const units = unitsFor(bytes)
    this.#bytes -= units * UNIT
    if (bytes > SHARED_MAX) {
      const slab = Math.floor(place / SLAB_UNITS)
      this.#slabs[slab] = NO_SLAB
      this.#emptied.push(slab)
      return
    }
    const free = this.#free.get(units)
    if (free === undefined) this.#free.set(units, [place])
    else free.push(place)
  }

  /** The slab that a place lies in; valid until the place is released. */
  slab(place: number): Buffer {
    return this.#slabs[Math.floor(place / SLAB_UNITS)]!
  }

  /** Where in its slab a place begins. */
  offset(place: number): number {
    return (place % SLAB_UNITS) * UNIT
  }

  #addSlab(bytes: number): number {
    const slab = Buffer.allocUnsafeSlow(bytes)
    const at = this.#emptied.pop() ?? this.#slabs.length
    this.#slabs[at] = slab
    return at
  }
}

function unitsFor(bytes: number): number {
  const units = Math.ceil(bytes / UNIT)
  if (units <= EXACT_UNITS) return units
  const step = 2 ** (Math.floor(Math.log2(units)) - 3)
  return Math.ceil(units / step) * step
}
