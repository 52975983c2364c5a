/**
 * Where a value of a document stands in the file. Looked up only for problems, by walking the YAML nodes again, so that
 * a document without problems pays nothing.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import { OPENING } from './expression.ts'

/** Keys and indexes from the root of a document. */
export type Path = readonly (string | number)[]

/** A value that must not be shown, and what is shown for it. */
export interface Hidden {
  readonly path: Path
  readonly shown: string
}

export interface Position {
  readonly file: string
  /** counted from 1 */
  readonly line: number
  /** counted from 1 */
  readonly column: number
}

/** A stretch of a file; the end is the place after its last character. */
export interface Stretch {
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

export interface Located extends Stretch {
  /** the text of the scalar, when it holds a load-time expression */
  readonly expression?: string
  /** reported already: whatever else is wrong with the value follows from that */
  readonly broken: boolean
}

/** What Places asks of the reader that made the data (tree.ts). */
export interface NodeReader {
  /** the key as the data has it */
  keyOf(key: unknown): string | undefined
  /** the node an alias stands for, or the node itself */
  resolve(node: unknown): Node | null
  isBroken(node: Node | null): boolean
}

/** For documents that are not in the file. */
export const NO_NODES: NodeReader = { keyOf: () => undefined, resolve: () => null, isBroken: () => false }

/** Both counted from 1. */
export function lineAndColumn(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** From one offset to another. */
export function stretch(lines: LineCounter, from: number, to: number): Stretch {
  const { line: endLine, column: endColumn } = lineAndColumn(lines, to)
  return { ...lineAndColumn(lines, from), endLine, endColumn }
}

export class Places {
  /** number of the document in its file, from 0 */
  readonly document: number
  readonly #source: Document | null
  readonly #lines: LineCounter
  readonly #reader: NodeReader
  /** by key, of the mappings that were walked: one with many entries is walked once for each of them */
  readonly #pairs = new Map<YAMLMap, Map<string, Pair>>()

  constructor(document: number, source: Document | null, lines: LineCounter, reader: NodeReader) {
    this.document = document
    this.#source = source
    this.#lines = lines
    this.#reader = reader
  }

  /** The nearest thing that is in the file: defaults, for one, are not. */
  locate(path: Path, atKey: boolean): Located {
    let node = this.#reader.resolve(this.#source?.contents)
    let key: Node | null = null
    let found = 0
    for (const part of path) {
      const next: Step | undefined = this.#step(node, part)
      if (next === undefined) break
      key = next.key
      node = this.#reader.resolve(next.value)
      found += 1
    }
    const expression = isScalar(node) && node.source?.includes(OPENING) ? node.source : undefined
    const whole = found === path.length
    const value = isScalar(node) && !isEmpty(node) ? node : null
    const root = value === null && isScalar(node) ? null : node
    const target = (whole && !atKey ? value : null) ?? key ?? root
    const [from, to] = this.#rangeOf(target)
    return {
      ...stretch(this.#lines, from, to),
      broken: whole && this.#reader.isBroken(atKey ? key : node),
      ...(whole && expression !== undefined && { expression }),
    }
  }

  /** Offsets of the text of a scalar that stands at `path`; undefined: there is none. */
  scalarRange(path: Path): readonly [from: number, to: number] | undefined {
    let node = this.#reader.resolve(this.#source?.contents)
    for (const part of path) node = this.#reader.resolve(this.#step(node, part)?.value)
    return isScalar(node) && node.range ? [node.range[0], node.range[1]] : undefined
  }

  /** A collection is found by where it begins. */
  #rangeOf(target: Node | null): [from: number, to: number] {
    const from = target?.range?.[0] ?? this.#source?.range?.[0] ?? 0
    return [from, isScalar(target) ? (target.range?.[1] ?? from) : from]
  }

  #pairsOf(map: YAMLMap): Map<string, Pair> {
    let pairs = this.#pairs.get(map)
    if (pairs === undefined) {
      pairs = new Map()
      for (const pair of map.items) {
        const key = this.#reader.keyOf(pair.key)
        if (key !== undefined && !pairs.has(key)) pairs.set(key, pair)
      }
      this.#pairs.set(map, pairs)
    }
    return pairs
  }

  #step(node: Node | null, part: string | number): Step | undefined {
    if (isMap(node)) {
      const pair = this.#pairsOf(node).get(String(part))
      return pair === undefined ? undefined : { key: pair.key as Node, value: pair.value }
    }
    if (isSeq(node)) {
      const item = node.items[Number(part)]
      // An item has no key of its own: it is found where it begins, also when it is an alias.
      return item === undefined
        ? undefined
        : { key: isAlias(item) ? this.#reader.resolve(item) : (item as Node), value: item }
    }
    return undefined
  }
}

interface Step {
  readonly key: Node | null
  readonly value: unknown
}

/** `key:` with nothing behind it has a place of no length somewhere after the key. */
const isEmpty = (node: Scalar): boolean =>
  node.range === undefined || node.range == null || node.range[0] === node.range[1]
