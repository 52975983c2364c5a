import { FakeClock, Harness, Recorder } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import type { Bytes } from '../stream.ts'
import { echo } from './binding.ts'

function open(refill: boolean) {
  const harness = new Harness(echo, { kind: 'server', clock: new FakeClock() })
  const recorder = new Recorder<Bytes>(refill)
  return { recorder, stream: harness.connect({}, recorder)!, reporter: harness.reporter }
}

describe('echo', () => {
  it('sends back what it gets, in order, and ends when the peer ends', () => {
    const { recorder, stream } = open(true)
    stream.grant(1_000)
    for (const text of ['a', 'bc', '']) stream.write(Buffer.from(text), undefined)
    stream.end()
    expect(recorder.data.map(({ payload }) => payload.toString())).toEqual(['a', 'bc', ''])
    expect(recorder.ended).toBe(true)
    expect(stream.closed).toBe(true)
  })

  it('grants no more than it may send back', () => {
    const { recorder, stream, reporter } = open(false)
    expect(stream.writable).toBe(false)
    stream.grant(100)
    expect(stream.credit).toBe(100)
    expect(stream.write(Buffer.alloc(50), undefined)).toBe(false)
    expect(recorder.data).toHaveLength(1)
    stream.grant(10)
    expect(stream.writable).toBe(false)
    stream.grant(10)
    expect(stream.writable).toBe(true)
    // Room that comes while there is some is passed on with the next payload.
    stream.grant(500)
    stream.write(Buffer.alloc(1), undefined)
    expect(stream.credit).toBe(100 - 114 + 20 + 500 - 65)
    expect(reporter.faults).toEqual([])
  })
})
