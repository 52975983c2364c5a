/**
 * Looks at the first pages of an lmdb file before lmdb does: given a file that is not its own, or is cut short, lmdb 3.5.6
 * takes the process down instead of giving an error. Reads two pages, never writes.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Offsets in a meta page, of which the file begins with two (`MDB_meta` behind a page header of 24 bytes, little-endian). */
const MAGIC_AT = 24
const VERSION_AT = 28
const PAGE_BYTES_AT = 48
const ROOTS_AT = [48 + 40, 96 + 40]
const TXN_AT = 152
const META_BYTES = 160

const MAGIC = 0xbeefc0de
const VERSION = 2
/** page number of the root of an empty tree */
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** What is wrong with the file; null: nothing, or it is not there yet. */
export function lmdbFault(path: string): string | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  try {
    return faultOf(file)
  } finally {
    closeSync(file)
  }
}

function faultOf(file: number): string | null {
  const { size } = fstatSync(file)
  if (size === 0) return null
  const first = metaAt(file, 0)
  if (first === null || first.readUInt32LE(MAGIC_AT) !== MAGIC) return 'it is not a log'
  if (first.readUInt32LE(VERSION_AT) !== VERSION) return `its lmdb format is ${first.readUInt32LE(VERSION_AT)}`
  const pageBytes = first.readUInt32LE(PAGE_BYTES_AT)
  const second = metaAt(file, pageBytes)
  if (second === null) return 'it is cut short'
  const newest = first.readBigUInt64LE(TXN_AT) > second.readBigUInt64LE(TXN_AT) ? first : second
  for (const at of ROOTS_AT) {
    const root = newest.readBigUInt64LE(at)
    if (root !== NO_PAGE && (root + 1n) * BigInt(pageBytes) > BigInt(size)) return 'it is cut short'
  }
  return null
}

function metaAt(file: number, position: number): Buffer | null {
  const meta = Buffer.alloc(META_BYTES)
  return readSync(file, meta, 0, META_BYTES, position) === META_BYTES ? meta : null
}
