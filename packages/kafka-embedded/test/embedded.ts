/**
 * An embedded log in a directory of its own, for the tests of this package: opened, reopened, and removed with the test.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, Side, type Stream, type StreamHandler, SystemClock } from '@zilla-ts/engine'
import type { Kafka, KafkaOpen } from '@zilla-ts/kafka'
import { Harness } from '@zilla-ts/testing'
import type { KafkaFixture } from '@zilla-ts/testing/kafka-conformance'
import { EmbeddedBinding } from '../src/binding.ts'
import { kafkaEmbedded } from '../src/index.ts'
import type { KafkaEmbeddedConfig } from '../src/kafka-embedded.config.ts'
import type { Log } from '../src/log.ts'

export type Options = NonNullable<KafkaEmbeddedConfig['options']>

/** Real time whose date tests move on. */
export class MovableClock extends SystemClock {
  aheadMs = 0
  override now(): number {
    return super.now() + this.aheadMs
  }
}

export class Embedded implements KafkaFixture {
  readonly directory: string
  readonly clock: Clock
  readonly options: Partial<Options>
  harness: Harness<KafkaEmbeddedConfig, Kafka, Kafka>

  constructor(options: Partial<Options> = {}, clock: Clock = new SystemClock(() => {}), directory?: string) {
    this.directory = directory ?? mkdtempSync(join(tmpdir(), 'embedded-'))
    this.clock = clock
    this.options = options
    this.harness = this.#attach()
  }

  static async open(options?: Partial<Options>, clock?: Clock): Promise<Embedded> {
    const embedded = new Embedded(options, clock)
    await embedded.harness.binding.start?.()
    return embedded
  }

  #attach(): Harness<KafkaEmbeddedConfig, Kafka, Kafka> {
    const options: Options = {
      directory: 'log',
      sync: 'flush',
      defaults: { partitions: 1, configs: {} },
      topics: [],
      ...this.options,
    }
    return new Harness<KafkaEmbeddedConfig, Kafka, Kafka>(kafkaEmbedded, {
      kind: 'server',
      options,
      clock: this.clock,
      directory: this.directory,
    })
  }

  get log(): Log {
    const { binding } = this.harness
    if (!(binding instanceof EmbeddedBinding) || binding.log === null) throw new Error('not started')
    return binding.log
  }

  connect(open: KafkaOpen, handler: StreamHandler<Kafka>): Stream<Kafka> | null {
    return Side.connect<Kafka>(
      open,
      null,
      handler,
      (what, stream) => this.harness.binding.accept?.(what, stream) ?? null,
      { initiator: 'test', acceptor: 'binding' },
      this.harness.reporter.fault,
    )
  }

  async restart(): Promise<void> {
    await this.harness.binding.stop?.()
    this.harness = this.#attach()
    await this.harness.binding.start?.()
  }

  async deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    await this.log.cleaner.deleteRecords(this.log.topic(topic)!.partitions[partition]!, before)
  }

  async compact(): Promise<void> {
    await this.log.cleaner.clean()
  }

  faults(): readonly unknown[] {
    return this.harness.reporter.faults
  }

  async close(): Promise<void> {
    await this.harness.binding.stop?.()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
