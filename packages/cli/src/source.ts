/**
 * A document as text, whatever it is written in: YAML and JSON are read, TypeScript and JavaScript are run for what they
 * export. Code that runs may do anything; it is the user's own, as a Makefile is.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as engine from '@zilla-ts/engine'

export interface Source {
  /** YAML, or JSON, which is YAML too */
  readonly text: string
  /** `text` was made of what code exports: its lines mean nothing to the user */
  readonly isMade: boolean
}

const CODE = /\.[cm]?[jt]s$/
const DEPTH_MAX = 100

/** What stands for the standard input, and how problems call it. */
export const STDIN = '-'
export const nameOf = (file: string): string => (file === STDIN ? '<stdin>' : file)

/** Rejects with a `DocumentError` whose message names the file and the reason. */
export async function readSource(file: string): Promise<Source> {
  if (file === STDIN) return { text: engine.readDocument(process.stdin.fd, nameOf(file)), isMade: false }
  if (!CODE.test(file)) return { text: engine.readDocument(file), isMade: false }
  const exported = await run(file)
  const documents = Array.isArray(exported) ? exported : [exported]
  const texts = documents.map((document, index) => {
    const start = Array.isArray(exported) ? [index] : []
    return JSON.stringify(plain(file, document, start, new Set()), null, 2)
  })
  return { text: `${texts.join('\n---\n')}\n`, isMade: true }
}

/** The default export. TypeScript is compiled in memory, so that it needs no particular Node. */
async function run(file: string): Promise<unknown> {
  const path = resolve(file)
  if (!existsSync(path)) throw cannotRead(file, 'there is no such file')
  const { createJiti } = await import('jiti')
  const jiti = createJiti(pathToFileURL(path).href, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    // The engine that reads the document, also where none is installed beside it.
    virtualModules: { '@zilla-ts/engine': engine },
  })
  let exported: unknown
  try {
    const module = await jiti.import<{ readonly default?: unknown }>(path)
    exported = await module.default
  } catch (error) {
    throw cannotRead(file, error instanceof Error ? error.message : String(error), error)
  }
  if (exported === null || typeof exported !== 'object') {
    throw cannotRead(file, 'its default export is no document; write `export default { name: … }`')
  }
  return exported
}

/** A copy that JSON can hold, without what is undefined. */
function plain(file: string, value: unknown, path: readonly (string | number)[], open: Set<unknown>): unknown {
  const refuse = (what: string) =>
    cannotRead(file, `${what} cannot stand in a document, at ${engine.pointer(path) || '/'}`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(String(value))
    return value
  }
  if (typeof value !== 'object') throw refuse(`a ${typeof value}`)
  if (open.has(value)) throw refuse('an object that holds itself')
  if (path.length > DEPTH_MAX) throw refuse(`more than ${DEPTH_MAX} levels`)
  open.add(value)
  let copy: unknown
  if (Array.isArray(value)) {
    copy = value.map((item, index) => plain(file, item, [...path, index], open))
  } else if (isRecord(value)) {
    copy = Object.create(null)
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) (copy as Record<string, unknown>)[key] = plain(file, item, [...path, key], open)
    }
  } else {
    throw refuse(`a ${value.constructor?.name ?? 'object'}`)
  }
  open.delete(value)
  return copy
}

/** Made by `{ … }`, in whatever realm. */
function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function cannotRead(file: string, reason: string, cause?: unknown): Error {
  return new engine.DocumentError('unreadable-file', `cannot read ${file}: ${reason}`, undefined, { cause })
}
