/**
 * Takes secrets out of the words of problems: values of the environment and what the document keeps under a secret key.
 * Messages are made in many places, also in modules; this is the one place that all of them pass. Linear in the message.
 */

import { HIDDEN } from './secrets.ts'

/** Such values are in every message, and tell nothing. */
const PLAIN = /^(?:true|false|null|~|-?\d{0,5})$/i
/** Longer ones are found inside of words. */
const WORD_LENGTH = 8
/** Of a longer value its beginning is looked for, and all that follows goes with it. */
const LENGTH_MAX = 64
const PER_EXPRESSION = 200

export class Redactor {
  /** value → what is shown for it; in all messages */
  readonly #everywhere = new Map<string, string>()
  /** the same, only in messages about secrets, since elsewhere such values are ordinary words */
  readonly #nearby = new Map<string, string>()
  #compiled: readonly RegExp[] | undefined

  /** What an expression stands for. */
  expanded(value: string, expression: string): void {
    this.#add(PLAIN.test(value) ? this.#nearby : this.#everywhere, value, expression)
  }

  /** What stands in the document itself. */
  secret(value: string): void {
    this.#add(value.length < WORD_LENGTH ? this.#nearby : this.#everywhere, value, HIDDEN)
  }

  /** `near`: the text is about a secret. */
  redact(text: string, near: boolean): string {
    this.#compiled ??= compile(this.#everywhere.keys())
    const found = replace(text, this.#compiled, this.#everywhere)
    return near ? replace(found, compile(this.#nearby.keys()), this.#nearby) : found
  }

  #add(to: Map<string, string>, value: string, shown: string): void {
    if (value === '') return
    to.set(value.slice(0, LENGTH_MAX), shown)
    this.#compiled = undefined
  }
}

function replace(text: string, expressions: readonly RegExp[], shown: ReadonlyMap<string, string>): string {
  let result = text
  for (const expression of expressions) {
    result = result.replace(expression, (found) => shown.get(found.slice(0, LENGTH_MAX)) ?? HIDDEN)
  }
  return result
}

/** The longest first: one value may be part of another. */
function compile(values: Iterable<string>): RegExp[] {
  const patterns = [...values].sort((a, b) => b.length - a.length).map(pattern)
  const expressions: RegExp[] = []
  for (let at = 0; at < patterns.length; at += PER_EXPRESSION) {
    expressions.push(new RegExp(patterns.slice(at, at + PER_EXPRESSION).join('|'), 'gu'))
  }
  return expressions
}

function pattern(value: string): string {
  const literal = value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  if (value.length === LENGTH_MAX) return `${literal}[\\s\\S]*`
  return value.length < WORD_LENGTH ? `(?<![\\w])${literal}(?![\\w])` : literal
}
