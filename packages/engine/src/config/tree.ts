/**
 * YAML nodes → plain data: load-time expressions replaced, scalars typed, aliases copied within a budget. Objects have no
 * prototype, so a key such as `__proto__` is only a key. Faults are reported at their offset; the data is then partial.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { type Environment, expand, isWholeExpression, OPENING } from './expression.ts'
import type { Hidden, NodeReader } from './places.ts'
import { plainValue, type ScalarValue } from './scalar.ts'
import { HIDDEN, isSecret, type Range } from './secrets.ts'
import { DEPTH_MAX, type SourceFault } from './yaml-source.ts'

/** Nodes that all aliases of a document may add. */
export const ALIAS_NODES_MAX = 100_000

const INCOMPLETE = new Set(['unknown-alias', 'circular-alias', 'too-many-aliases', 'too-deep', 'key-not-scalar'])

export class TreeReader implements NodeReader {
  readonly faults: SourceFault[] = []
  readonly #text: string
  readonly #environment: Environment
  readonly #anchors = new Map<string, Node>()
  /** what each alias stands for, noted where it stands, since an anchor may be set again later */
  readonly #targets = new Map<Alias, Node>()
  /** collections being read: an alias to one of them stands inside its own anchor */
  readonly #open = new Set<Node>()
  readonly #broken = new Set<Node>()
  #aliasNodes = 0
  #aliasDepth = 0
  /** keys and indexes down to the node that is read */
  readonly #path: (string | number)[] = []
  readonly #allowUnset: boolean
  /** scalars that are secret by the names of their keys */
  readonly secrets: { readonly value: string; readonly range: Range | undefined }[] = []
  /** what is shown in place of values that must not be: paths of secrets, and of what holds expressions */
  readonly hidden: Hidden[] = []
  /** values that expressions gave, with the expression */
  readonly expanded = new Map<string, string>()
  /** an expression was left as it is, as was asked for */
  unset = false

  /** `allowUnset`: variables without a value are no faults; what they would give is unknown. */
  constructor(text: string, environment: Environment, allowUnset = false) {
    this.#text = text
    this.#environment = environment
    this.#allowUnset = allowUnset
  }

  read(document: Document): unknown {
    return this.#value(document.contents, 0)
  }

  /** The data lacks a part, so that nothing can be said about the rest. */
  get incomplete(): boolean {
    return this.faults.some(({ code }) => INCOMPLETE.has(code))
  }

  /** The node an alias stands for, after `read`. */
  resolve(node: unknown): Node | null {
    if (isAlias(node)) return this.#targets.get(node) ?? null
    return isScalar(node) || isMap(node) || isSeq(node) ? node : null
  }

  /** The key as it is in the data, after `read`. */
  keyOf(key: unknown): string | undefined {
    const node = this.resolve(key)
    return isScalar(node) ? this.#key(node, false) : undefined
  }

  isBroken(node: Node | null): boolean {
    return node !== null && this.#broken.has(node)
  }

  #fault(node: unknown, code: string, message: string, shift = 0): void {
    const known = isScalar(node) || isAlias(node) || isMap(node) || isSeq(node) ? node.range : undefined
    const offset = (known?.[0] ?? 0) + shift
    const end = isScalar(node) || isAlias(node) ? (known?.[1] ?? offset) : offset
    this.faults.push({ code, message, offset, end, path: [...this.#path] })
  }

  #value(node: unknown, depth: number): unknown {
    if (this.#aliasDepth > 0 && ++this.#aliasNodes > ALIAS_NODES_MAX) return undefined
    if (isAlias(node)) return this.#aliased(node, depth)
    if (isScalar(node)) {
      this.#note(node)
      const value = this.#scalar(node)
      if (value !== null) this.#noteHidden(node, value)
      return value
    }
    if (!isMap(node) && !isSeq(node)) return null
    if (depth > DEPTH_MAX) {
      this.#fault(node, 'too-deep', `collections are nested more than ${DEPTH_MAX} levels deep through aliases`)
      return undefined
    }
    this.#note(node)
    this.#open.add(node)
    const value = isMap(node) ? this.#mapping(node, depth) : this.#list(node, depth)
    this.#open.delete(node)
    return value
  }

  #noteHidden(node: Scalar, value: string | number | boolean): void {
    const { source = String(node.value) } = node
    if (this.#noteSecret(node, value)) this.hidden.push({ path: [...this.#path], shown: HIDDEN })
    else if (source.includes(OPENING)) this.hidden.push({ path: [...this.#path], shown: source })
  }

  #noteSecret(node: Scalar | Alias, value: string | number | boolean): boolean {
    if (!isSecret(this.#path, value)) return false
    this.secrets.push({ value: String(value), range: node.range ? [node.range[0], node.range[1]] : undefined })
    return true
  }

  #list(list: YAMLSeq, depth: number): unknown {
    return list.items.map((item, index) => {
      this.#path.push(index)
      const value = this.#value(item, depth + 1)
      this.#path.pop()
      return value
    })
  }

  #note(node: Node & { anchor?: string }): void {
    if (node.anchor !== undefined && this.#aliasDepth === 0) this.#anchors.set(node.anchor, node)
  }

  #aliased(alias: Alias, depth: number): unknown {
    this.#noteSecret(alias, alias.source)
    const target = this.#targetOf(alias)
    if (target === undefined) return undefined
    const before = this.#aliasNodes
    this.#aliasDepth += 1
    const value = this.#value(target, depth)
    this.#aliasDepth -= 1
    if (before <= ALIAS_NODES_MAX && this.#aliasNodes > ALIAS_NODES_MAX && this.#aliasDepth === 0) {
      this.#fault(alias, 'too-many-aliases', `aliases add more than ${ALIAS_NODES_MAX} values to this document`)
    }
    return value
  }

  #targetOf(alias: Alias): Node | undefined {
    const known = this.#targets.get(alias)
    if (known !== undefined) return known
    const target = this.#anchors.get(alias.source)
    if (target === undefined) {
      this.#fault(alias, 'unknown-alias', `there is no anchor \`&${alias.source}\` before this alias`)
    } else if (this.#open.has(target)) {
      this.#fault(alias, 'circular-alias', `\`*${alias.source}\` stands inside its own anchor`)
    } else {
      this.#targets.set(alias, target)
      return target
    }
    return undefined
  }

  #mapping(map: YAMLMap, depth: number): unknown {
    const result = Object.create(null) as Record<string, unknown>
    for (const { key, value } of map.items) {
      if (isScalar(key)) this.#note(key)
      const node = isAlias(key) ? this.#targetOf(key) : key
      if (!isScalar(node)) {
        if (!isAlias(key)) this.#fault(key ?? map, 'key-not-scalar', 'a key must be a single word or text')
        continue
      }
      const name = this.#key(node, true)
      this.#path.push(name)
      if (name in result) {
        this.#fault(key, 'duplicate-key', `\`${name}\` is given twice`)
        if (isScalar(value)) this.#noteSecret(value, String(value.value))
      } else result[name] = this.#value(value, depth + 1)
      this.#path.pop()
    }
    return result
  }

  #key(node: Scalar, report: boolean): string {
    const text = node.type === 'PLAIN' ? (node.source ?? '') : String(node.value)
    return text.includes(OPENING) ? this.#expanded(node, text, report) : text
  }

  #scalar(node: Scalar): ScalarValue {
    if (node.tag !== undefined) return this.#tagged(node)
    const plain = node.type === 'PLAIN'
    const text = plain ? (node.source ?? '') : String(node.value)
    if (!text.includes(OPENING)) return plain ? plainValue(text) : text
    const value = this.#expanded(node, text, true)
    return plain && isWholeExpression(text) ? plainValue(value) : value
  }

  #tagged(node: Scalar): ScalarValue {
    const { value } = node
    if (typeof value === 'string') return value.includes(OPENING) ? this.#expanded(node, value, true) : value
    if (typeof value === 'boolean' || value === null) return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    this.#broken.add(node)
    this.#fault(node, 'tag-not-supported', `\`${node.tag}\` gives no text, number or boolean here`)
    return null
  }

  #expanded(node: Scalar, text: string, report: boolean): string {
    return expand(text, this.#environment, this.expanded, ({ index, code, message }) => {
      if (!report) return
      this.#broken.add(node)
      if (code === 'unset-variable' && this.#allowUnset) {
        this.unset = true
        return
      }
      const [start, end] = node.range ?? [0, 0]
      let shift = -1
      for (let n = 0; n <= index; n++) shift = this.#text.slice(start, end).indexOf(OPENING, shift + 1)
      this.#fault(node, code, message, Math.max(shift, 0))
    })
  }
}
