import { readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ATTRIBUTES, BATCH_LENGTH, RECORDS } from '../src/codec/batch-layout.ts'
import { writeChecksum } from '../src/codec/batch-stamp.ts'
import { decompress } from '../src/codec/compression.ts'
import { decompressZstd } from '../src/codec/zstd.ts'
import { BatchBuilder, BatchReader, crc32c, NO_PRODUCER, RecordError } from '../src/index.ts'
import { Random, type SampleRecord, sampleRecord } from './random.ts'

/** `compressed.json`: made with the codecs' own libraries; what they hold is given by length and checksum. */
interface Vector {
  readonly codec: keyof typeof CODECS
  readonly name: string
  readonly bytes: number
  readonly crc32c: number
  readonly hex: string
}

type Decoder = (input: Buffer, bytesMax: number) => Buffer

const CODECS = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 }
const CAP = 1 << 20
const VECTORS: readonly Vector[] = JSON.parse(readFileSync(new URL('compressed.json', import.meta.url), 'utf8'))

// Where Node has zstd itself, `decompress` does not use our decoder: it is tested for its own sake.
const DECODERS: readonly (readonly [name: string, input: Buffer, vector: Vector, decode: Decoder])[] = VECTORS.flatMap(
  (vector) => {
    const input = Buffer.from(vector.hex, 'hex')
    const decode: Decoder = (bytes, bytesMax) => decompress(CODECS[vector.codec], bytes, bytesMax, 0)
    const row = [`${vector.codec}: ${vector.name}`, input, vector, decode] as const
    return vector.codec === 'zstd' ? [row, [`own ${row[0]}`, input, vector, decompressZstd] as const] : [row]
  },
)

describe('decompress', () => {
  it.each(DECODERS)('%s', (_, input, vector, decode) => {
    const output = decode(input, CAP)
    expect(output).toHaveLength(vector.bytes)
    expect(crc32c(output)).toBe(vector.crc32c)
  })

  it.each(DECODERS.filter(([, , vector]) => vector.bytes > 1))(
    '%s, up to its cap and no more',
    (_, input, vector, decode) => {
      expect(decode(input, vector.bytes)).toHaveLength(vector.bytes)
      expect(() => decode(input, vector.bytes - 1)).toThrow(/more than|larger than/i)
    },
  )

  it('gzip, up to its cap and no more', () => {
    const packed = zlib.gzipSync(Buffer.alloc(5000, 'a'))
    expect(decompress(1, packed, 5000, 0)).toEqual(Buffer.alloc(5000, 'a'))
    expect(thrown(() => decompress(1, packed, 4999, 7))).toMatchObject({ code: 'too-large', offset: 7 })
  })

  it.each(Object.entries(CODECS))('%s that is cut, changed, or nonsense gives a RecordError', (codec, number) => {
    const random = new Random(7)
    const inputs: Buffer[] = VECTORS.filter((vector) => vector.codec === codec).map((vector) =>
      Buffer.from(vector.hex, 'hex'),
    )
    inputs.push(zlib.gzipSync(Buffer.from('some text, some more text')), random.bytes(100))
    for (const input of inputs) {
      for (let round = 0; round < 300; round++) {
        const bytes = Buffer.from(input.subarray(0, round % 3 === 0 ? random.below(input.length + 1) : input.length))
        for (let changes = random.below(4); changes > 0 && bytes.length > 0; changes--) {
          bytes[random.below(bytes.length)] = random.below(256)
        }
        const error = thrown(() => decompress(number, bytes, CAP, 9))
        if (error === undefined) continue
        expect(error).toBeInstanceOf(RecordError)
        expect(['compression', 'too-large']).toContain((error as RecordError).code)
      }
    }
  })

  it('own zstd that is cut or changed gives an Error, never a TypeError or RangeError', () => {
    const random = new Random(8)
    for (const vector of VECTORS.filter((candidate) => candidate.codec === 'zstd')) {
      for (let round = 0; round < 500; round++) {
        const bytes = Buffer.from(vector.hex, 'hex')
        for (let changes = 1 + random.below(4); changes > 0; changes--)
          bytes[random.below(bytes.length)] = random.below(256)
        const error = thrown(() => decompressZstd(bytes.subarray(0, bytes.length - random.below(3)), CAP))
        if (error !== undefined) expect(['Error', 'InflateLimitError']).toContain((error as Error).constructor.name)
      }
    }
  })

  it.each([5, 6, 7])('codec %d does not exist', (number) => {
    expect(thrown(() => decompress(number, Buffer.alloc(10), CAP, 3))).toMatchObject({ code: 'compression', offset: 3 })
  })
})

describe('a compressed batch', () => {
  const records: SampleRecord[] = []
  const random = new Random(9)
  const builder = new BatchBuilder()
  for (let count = 0; count < 50; count++) {
    const record = sampleRecord(random, 1_700_000_000_000)
    records.push(record)
    builder.append(record.value ?? Buffer.alloc(0), record)
  }
  const plain = Buffer.from(builder.finish(NO_PRODUCER))

  function pack(codec: number, packed: Buffer): Buffer {
    const batch = Buffer.concat([plain.subarray(0, RECORDS), packed])
    batch.writeInt32BE(batch.length - 12, BATCH_LENGTH)
    batch.writeInt16BE(codec, ATTRIBUTES)
    writeChecksum(batch, 0)
    return batch
  }

  it('is read as if it were not', () => {
    const reader = new BatchReader({ checkCrc: true })
    reader.reset(pack(1, zlib.gzipSync(plain.subarray(RECORDS))))
    expect(reader.nextBatch()).toBe(true)
    for (const { key, value, timestamp, headers } of records) {
      expect(reader.nextRecord()).toBe(true)
      expect(reader.record(0)).toMatchObject({ key, timestamp, headers })
      expect(reader.value()).toEqual(value)
    }
    expect(reader.nextRecord()).toBe(false)
  })

  it('that cannot be read is an error, once, and the walk goes on', () => {
    const reader = new BatchReader({ inflatedBytesMax: plain.length - RECORDS - 1 })
    const packed = pack(1, zlib.gzipSync(plain.subarray(RECORDS)))
    reader.reset(Buffer.concat([packed, pack(2, Buffer.from('nonsense')), pack(7, Buffer.alloc(3)), plain]))
    for (const code of ['too-large', 'compression', 'compression']) {
      expect(reader.nextBatch()).toBe(true)
      expect(thrown(() => reader.nextRecord())).toMatchObject({ name: 'RecordError', code })
      expect(reader.nextRecord()).toBe(false)
    }
    expect(reader.nextBatch()).toBe(true)
    expect(reader.nextRecord()).toBe(true)
  })
})

function thrown(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
