/**
 * Decompresses the records of a batch, for topics that others write to; we produce uncompressed. Called by the batch
 * reader. Output is capped, and whatever a codec throws comes out as a `RecordError`.
 */
import * as zlib from 'node:zlib'
import { InflateLimitError } from './inflate-buffer.ts'
import { decompressLz4 } from './lz4.ts'
import { RecordError } from './record-error.ts'
import { decompressSnappy } from './snappy.ts'
import { decompressZstd } from './zstd.ts'

export const COMPRESSION_NONE = 0
const GZIP = 1
const SNAPPY = 2
const LZ4 = 3
const ZSTD = 4

/** The records in a buffer of their own, at most `bytesMax`; `offset` is the batch's, for the error. */
export function decompress(compression: number, input: Buffer, bytesMax: number, offset: number): Buffer {
  try {
    switch (compression) {
      case GZIP:
        return zlib.gunzipSync(input, { maxOutputLength: bytesMax })
      case SNAPPY:
        return decompressSnappy(input, bytesMax)
      case LZ4:
        return decompressLz4(input, bytesMax)
      case ZSTD:
        return unpackZstd(input, bytesMax)
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new RecordError(isLimit(error) ? 'too-large' : 'compression', offset, `compressed records: ${message}`)
  }
  throw new RecordError('compression', offset, `compression codec ${compression} does not exist`)
}

function isLimit(error: unknown): boolean {
  if (error instanceof InflateLimitError) return true
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

interface ZstdResult {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** Node has zstd from 22.15 on, and reads one frame; its types of Node 20 do not know it. */
const native = zlib as {
  zstdDecompressSync?: (input: Buffer, options: { maxOutputLength: number; info: true }) => ZstdResult
}

function unpackZstd(input: Buffer, bytesMax: number): Buffer {
  const result = native.zstdDecompressSync?.(input, { maxOutputLength: bytesMax, info: true })
  return result?.engine.bytesWritten === input.length ? result.buffer : decompressZstd(input, bytesMax)
}
