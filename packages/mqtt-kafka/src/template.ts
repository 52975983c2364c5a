/**
 * Texts of the document with placeholders, `site-${params.site}`. Split once, when the document is read; filled in for a
 * topic name or a record. What a placeholder stands for is only ever text: nothing in it is looked at again.
 */

const PLACEHOLDER = /\$\{([^{}]*)\}/

export class Template {
  readonly text: string
  /** what the placeholders name, in their order */
  readonly names: readonly string[]
  /** what stands around them, one more than names */
  readonly #texts: readonly string[]

  constructor(text: string) {
    const pieces = text.split(PLACEHOLDER)
    this.text = text
    this.#texts = pieces.filter((_piece, at) => at % 2 === 0)
    this.names = pieces.filter((_piece, at) => at % 2 === 1)
  }

  /** Null: one of the placeholders has no value. */
  fill(lookUp: (name: string) => string | null): string | null {
    let filled = this.#texts[0]!
    for (let at = 0; at < this.names.length; at++) {
      const value = lookUp(this.names[at]!)
      if (value === null) return null
      filled += value + this.#texts[at + 1]!
    }
    return filled
  }

  /** With the same text for every placeholder. */
  sample(value: string): string {
    return this.#texts.join(value)
  }

  /** What is wrong with it where only these names may stand; null: nothing. `names` says which, for the message. */
  problem(known: RegExp, names: string): string | null {
    if (this.#texts.some((text) => text.includes('${'))) return `'${this.text}' has a '\${' without its '}'`
    const unknown = this.names.find((name) => !known.test(name))
    return unknown === undefined ? null : `'\${${unknown}}' in '${this.text}' is nothing that is known here: ${names}`
  }
}
