/** A map whose entries are counted together with those of others. */

export interface Count {
  value: number
}

export class CountedMap<K, V> extends Map<K, V> {
  readonly #count: Count

  constructor(count: Count) {
    super()
    this.#count = count
  }

  override set(key: K, value: V): this {
    if (!this.has(key)) this.#count.value++
    return super.set(key, value)
  }

  override delete(key: K): boolean {
    const was = super.delete(key)
    if (was) this.#count.value--
    return was
  }

  override clear(): void {
    this.#count.value -= this.size
    super.clear()
  }
}
