import { describe, expect, it } from 'vitest'
import { operationsCall } from './operations-wire.ts'

const int16 = (value: number) => Buffer.from([(value >> 8) & 0xff, value & 0xff])
const int32 = (value: number) =>
  Buffer.from([value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff))
const string = (text: string) => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])
const none = int16(-1)
const list = (...items: Buffer[]) => Buffer.concat([int32(items.length), ...items])
const partition = Buffer.concat([int16(0), int32(0), int32(1), int32(5), list(int32(1)), list(int32(1)), list()])

/** Metadata v8: one broker, the topics, and no operations of the cluster. */
const answer = (...topics: Buffer[]) =>
  Buffer.concat([
    int32(7),
    list(Buffer.concat([int32(1), string('host'), int32(9092), none])),
    string('cluster'),
    int32(1),
    list(...topics),
    int32(0),
  ])
const topic = (name: string, bits: number, code = 0) =>
  Buffer.concat([int16(code), string(name), Buffer.from([0]), list(partition, partition), int32(bits)])

const decode = (bytes: Buffer) => operationsCall([]).response.decode(bytes)

describe('the answer with operations', () => {
  it('names what is permitted, topic by topic', async () => {
    const { operations, clientSideThrottleTime } = await decode(
      answer(topic('a', (1 << 3) | (1 << 8)), topic('ü', 0), topic('denied', 0xff, 29), topic('silent', -0x8000_0000)),
    )
    expect(clientSideThrottleTime).toBe(7)
    expect([...operations]).toEqual([
      ['a', ['Read', 'Describe']],
      ['ü', []],
    ])
  })

  it('of any length that is cut off ends with an error', async () => {
    const whole = answer(topic('a', 1 << 3))
    // The operations of the cluster behind it are not read.
    for (let length = 0; length < whole.length - 4; length++) {
      await expect(decode(whole.subarray(0, length))).rejects.toThrow(RangeError)
    }
  })

  it('with a count of billions ends at the end of its bytes', async () => {
    await expect(decode(Buffer.concat([int32(0), int32(0x7fff_ffff)]))).rejects.toThrow(RangeError)
  })
})

it('the question has the topics, and asks for their operations only', async () => {
  const { buffer } = await operationsCall(['a', 'bc']).request.encode()
  expect(buffer).toEqual(Buffer.concat([list(string('a'), string('bc')), Buffer.from([0, 0, 1])]))
})
