/** The option `format` of an inline guard: where identity and credentials stand in a text. */

/** What a text was split into. */
export interface Parts {
  readonly identity: string | null
  readonly credentials: string
}

export class Format {
  readonly #names: readonly string[]
  /** what stands before, between and after the names */
  readonly #texts: readonly string[]

  /** Throws an error that says what is wrong. */
  constructor(format: string) {
    const parts = format.split(/\{([^{}]*)\}/)
    this.#names = parts.filter((_part, at) => at % 2 === 1)
    this.#texts = parts.filter((_part, at) => at % 2 === 0)
    const unknown = this.#names.find((name) => name !== 'identity' && name !== 'credentials')
    if (unknown !== undefined) throw new Error(`{${unknown}} is neither {identity} nor {credentials}`)
    if (!this.#names.includes('credentials')) throw new Error('{credentials} is missing')
    if (new Set(this.#names).size < this.#names.length) throw new Error('a name stands in it twice')
    if (this.#names.length === 2 && this.#texts[1] === '') throw new Error('there must be text between the names')
  }

  /** Null: the text is not of this form. What is between the names ends the first of them where it stands first. */
  split(text: string): Parts | null {
    const [before = '', between = '', after = between] = this.#texts
    if (!text.startsWith(before) || !text.endsWith(after) || text.length <= before.length + after.length) return null
    const inner = text.slice(before.length, text.length - after.length)
    if (this.#names.length === 1) return { identity: null, credentials: inner }
    const at = inner.indexOf(between)
    if (at <= 0 || at + between.length === inner.length) return null
    const [first, second] = [inner.slice(0, at), inner.slice(at + between.length)]
    return this.#names[0] === 'identity'
      ? { identity: first, credentials: second }
      : { identity: second, credentials: first }
  }
}
