/**
 * Reads a document from disk: the only part of the configuration that touches a file. Called by the cli.
 */
import { readFileSync, statSync } from 'node:fs'
import { SIZE_MAX } from './yaml-source.ts'

/** UTF-8 takes at most four bytes a character. */
const BYTES_MAX = SIZE_MAX * 4

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
}

/** The text of the file. Throws an `Error` whose message names the file and the reason. */
export function readDocument(path: string): string {
  const fail = (reason: string, cause?: unknown): never => {
    throw new Error(`cannot read ${path}: ${reason}`, { cause })
  }
  let bytes: Buffer
  try {
    if (statSync(path).size > BYTES_MAX) fail(`it has more than ${BYTES_MAX} bytes`)
    bytes = readFileSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return fail(REASONS[code] ?? message, error)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    return fail('it is not UTF-8 text', error)
  }
}
