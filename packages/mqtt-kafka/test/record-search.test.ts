/** Whether a QoS 2 publish of an earlier connection is in the log. */
import type { StreamError } from '@zilla-ts/engine'
import { FakeClock } from '@zilla-ts/testing'
import { expect, it } from 'vitest'
import { Intent, recordHash } from '../src/inbound.ts'
import { RecordSearch } from '../src/record-search.ts'
import { MemoryKafka, type MemoryTopic } from './memory-kafka.ts'

const NOTHING = Buffer.alloc(0)
const TIMESTAMP = 5

/** How many records of this value there are, as the search says. */
function found(kafka: MemoryKafka, topic: MemoryTopic, value: string): number | StreamError | null {
  let result: number | StreamError | null = null
  const intent = new Intent(1, topic.name, 'inherited')
  const hash = recordHash(Buffer.from('k'), NOTHING, Buffer.from(value))
  intent.locate({ partition: 0, from: 0, timestamp: TIMESTAMP, hash })
  const clock = new FakeClock()
  new RecordSearch(intent, false, (answer) => {
    result = answer
  }).begin(kafka, clock, 0)
  topic.deliver()
  clock.turn()
  return result
}

it('counts what is stored, behind an open transaction as well, and nothing of a transaction', () => {
  const kafka = new MemoryKafka()
  const topic = kafka.add('messages')
  topic.append('k', 'before', { timestamp: TIMESTAMP })
  const key = Buffer.from('k')
  const record = { timestamp: TIMESTAMP, key, headers: NOTHING, headerCount: 0, producerId: 77 }
  topic.appendTransactional(0, { ...record, value: Buffer.from('will') })
  topic.append('k', 'behind', { timestamp: TIMESTAMP })
  expect(found(kafka, topic, 'before')).toBe(1)
  expect(found(kafka, topic, 'behind')).toBe(1)
  expect(found(kafka, topic, 'will')).toBe(0)
  expect(found(kafka, topic, 'absent')).toBe(0)
  const marker = { producerId: 77, committed: true }
  topic.appendTransactional(0, { ...record, key: null, value: null, marker })
  expect(found(kafka, topic, 'absent')).toBe(0)
})
