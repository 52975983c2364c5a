/**
 * What every implementation of the `kafka` protocol must do, as tests: run by the embedded log always and by the client
 * where a broker answers. Awaits events with a deadline, never time. Vitest only.
 */
import type { Stream, StreamHandler } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept, KafkaOpen } from '@zilla-ts/kafka'

/** The implementation under test. Topics get names of their own, so that one broker serves many runs. */
export interface KafkaFixture {
  /** One stream to the implementation, made with `Side.connect` (or a `Harness`). */
  connect(open: KafkaOpen, handler: StreamHandler<Kafka>): Stream<Kafka> | null
  /** Stops the implementation (not a broker behind it) and starts it again; open streams end. */
  restart?(): Promise<void>
  /** Removes the records below an offset (Kafka's DeleteRecords). */
  deleteRecords?(topic: string, partition: number, before: number): Promise<void>
  /** Makes the log cleaner run over the topic now; resolves when it is done. */
  compact?(topic: string): Promise<void>
  /** Adds partitions to a topic, up to `partitions` in all. */
  grow?(topic: string, partitions: number): Promise<void>
  /** Writes values to partition 0 in one transaction of another producer, then commits or aborts it. */
  transaction?(topic: string, values: readonly string[], commit: boolean): Promise<void>
  /** Exceptions reported by bindings and streams; must be empty. */
  faults(): readonly unknown[]
  close(): Promise<void>
}

