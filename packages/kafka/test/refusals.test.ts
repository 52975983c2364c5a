import { StreamError } from '@zilla-ts/engine'
import { FakeClock, TestReporter } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import { Complaints } from '../src/client/complaints.ts'
import { AuthenticationRefused, Refusals } from '../src/client/refusals.ts'

const ADDRESS = 'localhost:9093'

function set() {
  const [clock, reporter] = [new FakeClock(), new TestReporter()]
  const complaints = new Complaints(clock, reporter)
  return { clock, reporter, complaints, refusals: new Refusals(clock, complaints) }
}

describe('refusals', () => {
  it('keep everybody from trying for 1 s, doubling to 10 s', () => {
    const { clock, refusals } = set()
    const pauses: number[] = []
    for (let n = 0; n < 6; n++) {
      const refused = new AuthenticationRefused('no')
      refusals.add(ADDRESS, refused, true)
      expect(refusals.current(ADDRESS)).toBe(refused)
      const since = clock.monotonic()
      while (refusals.current(ADDRESS) !== null) clock.advance(500)
      pauses.push(clock.monotonic() - since)
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })

  it('are of one broker, end with its welcome, and count once what failed together', () => {
    const { clock, refusals } = set()
    for (let n = 0; n < 5; n++) refusals.add(ADDRESS, new AuthenticationRefused('no'), true)
    expect(refusals.current('localhost:9094')).toBe(null)
    clock.advance(1_000)
    expect(refusals.current(ADDRESS)).toBe(null)
    refusals.add(ADDRESS, new AuthenticationRefused('no'), true)
    refusals.accepted(ADDRESS)
    expect(refusals.current(ADDRESS)).toBe(null)
  })
})

describe('complaints', () => {
  it('are told at once, and again after a minute', () => {
    const { clock, reporter, complaints } = set()
    for (let s = 0; s < 125; s++) {
      complaints.denied(new StreamError('not-authorized', 'topic a is not open to us'))
      clock.advance(1_000)
    }
    expect(reporter.events).toHaveLength(3)
    complaints.denied(new StreamError('not-authorized', 'topic b is not open to us'))
    complaints.denied(new StreamError('unavailable', 'Kafka is away'))
    expect(reporter.events.map(({ message }) => message).slice(3)).toEqual(['topic b is not open to us'])
  })

  it('of ever new texts keep little', () => {
    const { reporter, complaints } = set()
    for (let n = 0; n < 1_001; n++) complaints.say('warn', 'KAFKA_NOT_AUTHORIZED', `topic ${n}`)
    complaints.say('warn', 'KAFKA_NOT_AUTHORIZED', 'topic 0')
    expect(reporter.events).toHaveLength(1_002)
  })
})
