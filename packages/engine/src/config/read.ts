/**
 * Reads a document from disk or from standard input: the only part of the configuration that touches a file. Called by
 * the cli.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { closeSync, openSync, readSync } from 'node:fs'
import { SIZE_MAX } from './yaml-source.ts'

/** UTF-8 takes at most four bytes a character. */
const BYTES_MAX = SIZE_MAX * 4
const CHUNK_BYTES = 1 << 20

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
}

/** Why there is no text. */
export class DocumentError extends Error {
  readonly code: 'unreadable-file' | 'file-too-large' | 'not-utf8'
  /** counted from 1 */
  readonly line: number
  readonly column: number

  /** `message` names the file and the reason. */
  constructor(code: DocumentError['code'], message: string, place = { line: 1, column: 1 }, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DocumentError'
    this.code = code
    this.line = place.line
    this.column = place.column
  }
}

/** The text of the file, or of an open file by its number. Throws a `DocumentError`; `name` is how the message calls it. */
export function readDocument(file: string | number, name = String(file)): string {
  const bytes = readBytes(file, name)
  if (isUtf8(bytes)) return bytes.toString('utf8')
  const utf16 = bytes[0] === 0xff || bytes[0] === 0xfe ? '; it seems to be UTF-16' : ''
  throw new DocumentError('not-utf8', `cannot read ${name}: it is not UTF-8 text${utf16}`, firstFault(bytes))
}

/** Whatever it is, no more is read than a document may have. */
function readBytes(file: string | number, name: string): Buffer {
  const chunks: Buffer[] = []
  let total = 0
  let open: number | undefined
  try {
    open = typeof file === 'number' ? file : openSync(file, 'r')
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const count = readSome(open, chunk)
      if (count === 0) return Buffer.concat(chunks, total)
      chunks.push(chunk.subarray(0, count))
      total += count
      if (total > BYTES_MAX) {
        throw new DocumentError('file-too-large', `cannot read ${name}: it has more than ${BYTES_MAX} bytes`)
      }
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof DocumentError || code === undefined) throw error
    const reason = REASONS[code] ?? message
    throw new DocumentError('unreadable-file', `cannot read ${name}: ${reason}`, undefined, { cause: error })
  } finally {
    if (open !== undefined && open !== file) closeSync(open)
  }
}

/** A pipe may have nothing yet, and on some systems says so by an error, or says by one that it has ended. */
function readSome(open: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(open, chunk)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

/** Place of the first byte that is no UTF-8. */
function firstFault(bytes: Buffer): { line: number; column: number } {
  let line = 1
  let start = 0
  for (
    let end = bytes.indexOf(0x0a);
    end >= 0 && isUtf8(bytes.subarray(start, end));
    end = bytes.indexOf(0x0a, start)
  ) {
    start = end + 1
    line += 1
  }
  const end = bytes.indexOf(0x0a, start)
  const text = bytes.subarray(start, end < 0 ? bytes.length : end).toString('utf8')
  return { line, column: text.replace(/^\uFEFF/, '').indexOf('\uFFFD') + 1 }
}
