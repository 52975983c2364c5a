/** Bindings of this package on a real broker, as a fixture of the conformance tests: the client alone, or behind its caches. */
import { connect, type Socket } from 'node:net'
import {
  type Binding,
  type BindingContext,
  type Exit,
  type Guard,
  type Kind,
  type Session,
  Side,
  type Stream,
  type StreamHandler,
  SystemClock,
  type Task,
  type Timer,
} from '@zilla-ts/engine'
import type { Bytes, BytesOpen } from '@zilla-ts/net'
import { TestReporter } from '@zilla-ts/testing'
import type { KafkaFixture } from '@zilla-ts/testing/kafka-conformance'
import { type Admin, Kafka as KafkaJs, logLevel } from 'kafkajs'
import { kafka } from '../src/binding.ts'
import type { KafkaConfig } from '../src/kafka.config.ts'
import type { Kafka, KafkaOpen } from '../src/stream.ts'

const dialTcp = ({ remote }: BytesOpen): Socket | null => (remote === undefined ? null : connect(remote))

/** Dials what it is asked for, as a tcp client does; remembers its sockets. */
export class DialExit implements Exit<Bytes> {
  readonly name = 'south_tcp_client'
  readonly sockets = new Set<Socket>()
  readonly #dial: (open: BytesOpen) => Socket | null
  dialled = 0

  constructor(dial: (open: BytesOpen) => Socket | null = dialTcp) {
    this.#dial = dial
  }

  connect(): null {
    return null
  }

  take(): 'streams' {
    return 'streams'
  }

  dial(open: BytesOpen): Socket | null {
    const socket = this.#dial(open)
    if (socket === null) return null
    this.dialled++
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    return socket
  }
}

/** Knows how many timers wait. */
class CountingClock extends SystemClock {
  pending = 0

  override after(ms: number, task: Task): Timer {
    const over = () => {
      if (!open) return
      open = false
      this.pending--
    }
    let open = true
    this.pending++
    const run = () => {
      over()
      task.run()
    }
    const timer = super.after(ms, { run, fault: (error) => task.fault(error) })
    return {
      cancel: () => {
        over()
        timer.cancel()
      },
    }
  }
}

export interface ChainOptions {
  readonly bootstrap: string
  readonly cached?: boolean
  readonly properties?: Readonly<Record<string, string>>
  /** where the client goes, if not to `bootstrap`, and what it shows there */
  readonly client?: Readonly<Pick<KafkaConfig['options'], 'servers' | 'authorization' | 'sasl'>>
  readonly guards?: Readonly<Record<string, Guard>>
  readonly dial?: (open: BytesOpen) => Socket | null
}

export class Chain implements KafkaFixture {
  readonly sharesGroups = true
  readonly reporter = new TestReporter()
  readonly exit: DialExit
  readonly clock = new CountingClock((where, error) => this.reporter.fault(where, error))
  readonly #options: ChainOptions
  readonly #admin: Admin
  #bindings: Binding<Kafka>[] = []

  private constructor(options: ChainOptions) {
    this.#options = options
    this.exit = new DialExit(options.dial)
    this.#admin = new KafkaJs({ brokers: [options.bootstrap], logLevel: logLevel.NOTHING }).admin()
  }

  static async open(options: ChainOptions): Promise<Chain> {
    const chain = new Chain(options)
    await chain.#admin.connect()
    await chain.#start()
    return chain
  }

  async #start(): Promise<void> {
    const client = this.#attach('client', this.exit)
    this.#bindings = [client]
    if (this.#options.cached) {
      const server = this.#attach('cache_server', this.#exitTo(client))
      this.#bindings.unshift(this.#attach('cache_client', this.#exitTo(server)), server)
    }
    for (const binding of this.#bindings.toReversed()) await binding.start?.()
  }

  #attach(kind: Kind, exit: Exit<Kafka> | Exit<Bytes>): Binding<Kafka> {
    const context: BindingContext<KafkaConfig, Kafka | Bytes> = {
      namespace: 'test',
      name: `test_${kind}`,
      kind,
      options: kind === 'client' ? { servers: [this.#options.bootstrap], ...this.#options.client } : {},
      routes: [{ when: [], with: undefined, exit: exit as Exit<Kafka | Bytes>, permits: () => true }],
      directory: '.',
      properties: new Map(Object.entries(this.#options.properties ?? {})),
      guard: (name) => {
        const guard = this.#options.guards?.[name]
        if (guard === undefined) throw new Error(`no guard ${name} here`)
        return guard
      },
      vault: null,
      catalog: () => {
        throw new Error('no catalogs here')
      },
      clock: this.clock,
      report: this.reporter,
    }
    return kafka.attach(context)
  }

  #exitTo(binding: Binding<Kafka>): Exit<Kafka> {
    return {
      name: 'next',
      connect: (open, session, handler) => this.#connect(binding, open, session, handler),
      dial: () => null,
      take: () => 'streams',
    }
  }

  #connect(
    binding: Binding<Kafka>,
    open: KafkaOpen,
    session: Session | null,
    handler: StreamHandler<Kafka>,
  ): Stream<Kafka> | null {
    const accept = (what: KafkaOpen, stream: Stream<Kafka>) => binding.accept?.(what, stream) ?? null
    return Side.connect<Kafka>(
      open,
      session,
      handler,
      accept,
      { initiator: 'test', acceptor: 'kafka' },
      this.reporter.fault,
    )
  }

  connect(open: KafkaOpen, handler: StreamHandler<Kafka>): Stream<Kafka> | null {
    return this.#connect(this.#bindings[0]!, open, null, handler)
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.#start()
  }

  async deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    // It knows the leaders only of topics it was asked about before.
    await this.#admin.fetchTopicOffsets(topic)
    await this.#admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] })
  }

  async grow(topic: string, partitions: number): Promise<void> {
    await this.#admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] })
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#admin.deleteTopics({ topics: [topic] })
  }

  async transaction(topic: string, values: readonly string[], commit: boolean): Promise<void> {
    const kafkaJs = new KafkaJs({ brokers: [this.#options.bootstrap], logLevel: logLevel.NOTHING })
    const producer = kafkaJs.producer({
      transactionalId: `${topic}-writer`,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
    if (commit) await transaction.commit()
    else await transaction.abort()
    await producer.disconnect()
  }

  async hold(topic: string, id: string, values: readonly string[]): Promise<(commit: boolean) => Promise<void>> {
    const kafkaJs = new KafkaJs({ brokers: [this.#options.bootstrap], logLevel: logLevel.NOTHING })
    const producer = kafkaJs.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
    return async (commit) => {
      try {
        await (commit ? transaction.commit() : transaction.abort())
      } finally {
        await producer.disconnect()
      }
    }
  }

  faults(): readonly unknown[] {
    return this.reporter.faults
  }

  async stop(): Promise<void> {
    for (const binding of this.#bindings) await binding.drain?.()
    for (const binding of this.#bindings) await binding.stop?.()
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#admin.disconnect()
  }
}
