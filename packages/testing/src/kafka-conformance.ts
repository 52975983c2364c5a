/**
 * What every implementation of the `kafka` protocol must do, as tests: run by the embedded log always and by the client
 * where a broker answers. Awaits events with a deadline, never time. Imports vitest: for test files only.
 */
import { describe } from 'vitest'
import { KafkaBench, type KafkaFixture } from './kafka-conformance-bench.ts'
import { fetchConformance } from './kafka-conformance-fetch.ts'
import { flowConformance } from './kafka-conformance-flow.ts'
import { groupConformance } from './kafka-conformance-group.ts'
import { produceConformance } from './kafka-conformance-produce.ts'
import { scopeConformance } from './kafka-conformance-scope.ts'
import { topicConformance } from './kafka-conformance-topic.ts'
import { transactionConformance } from './kafka-conformance-transaction.ts'

export * from './kafka-conformance-bench.ts'
export * from './kafka-streams.ts'

/** Registers the tests. `setup` is called once; topics get names of their own, so that one broker serves many runs. */
export function kafkaConformance(name: string, setup: () => Promise<KafkaFixture>): void {
  describe(name, () => {
    const bench = new KafkaBench()
    bench.register(setup)
    describe('topics', () => topicConformance(bench))
    describe('produce', () => produceConformance(bench))
    describe('fetch', () => fetchConformance(bench))
    describe('fetch of a part', () => scopeConformance(bench))
    describe('transaction', () => transactionConformance(bench))
    describe('group', () => groupConformance(bench))
    describe('flow', () => flowConformance(bench))
  })
}
