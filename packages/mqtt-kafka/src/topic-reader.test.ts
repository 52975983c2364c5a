import { StreamError } from '@zilla-ts/engine'
import type { Kafka } from '@zilla-ts/kafka'
import { FakeClock, TestExit, TestReporter } from '@zilla-ts/testing'
import { expect, it } from 'vitest'
import { TopicReader } from './topic-reader.ts'

const ACCEPTED = { kind: 'fetch', partitions: [{ partition: 0, start: 0, end: 0 }] } as const
const DENIED = new StreamError('not-authorized', 'topic messages is not open to us')
const LISTENER = { onOpened() {}, onRecord() {}, onProgress() {}, onLost() {}, onAvailable() {} }

function set() {
  const [clock, reporter] = [new FakeClock(), new TestReporter()]
  const exit = new TestExit<Kafka>('cache_client', reporter)
  exit.onOpen = (_, stream) => {
    stream.accept(ACCEPTED)
    return true
  }
  const reader = new TopicReader(exit, 'messages', clock, reporter, LISTENER)
  reader.open([])
  /** How long it waits after an end before it is there again. */
  const pauseMs = () => {
    const [since, opened] = [clock.monotonic(), exit.opened.length]
    exit.opened.at(-1)!.stream.abort(DENIED)
    while (exit.opened.length === opened) clock.advance(50)
    return clock.monotonic() - since
  }
  return { clock, reader, pauseMs }
}

it('waits longer and longer for a topic that may be seen but not read', () => {
  const { reader, pauseMs } = set()
  const pauses = Array.from({ length: 8 }, pauseMs)
  expect(pauses[0]).toBeLessThanOrEqual(150)
  expect(pauses.at(-1)).toBeGreaterThanOrEqual(3_750)
  reader.close()
})

it('comes back soon when it has read for a while', () => {
  const { clock, reader, pauseMs } = set()
  for (let n = 0; n < 8; n++) pauseMs()
  clock.advance(10_000)
  expect(pauseMs()).toBeLessThanOrEqual(150)
  reader.close()
})
