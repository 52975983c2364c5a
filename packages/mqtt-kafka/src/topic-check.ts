/**
 * Asks Kafka for one topic, makes it where that is wanted, and goes on asking until the answer is good. Says what a good
 * answer was, and the first of every kind of bad one.
 */
import { type Clock, type Exit, StreamError } from '@zilla-ts/engine'
import type { Kafka, KafkaAccept, KafkaOpen } from '@zilla-ts/kafka'
import { BackOff } from './back-off.ts'
import { KafkaQuestion } from './kafka-question.ts'

export type TopicRole = 'sessions' | 'messages' | 'retained'

export interface CheckedTopic {
  readonly name: string
  readonly role: TopicRole
  readonly exit: Exit<Kafka>
}

/** What is wanted of topics that are missing; null: they are an error. */
export type CreateTopics = { readonly partitions?: number; readonly replicas?: number } | null

export type Description = Extract<KafkaAccept, { kind: 'describe' }>

/** What one answer meant. `wrong`: somebody must change something, until then there is no use. */
export type Finding =
  | { readonly kind: 'good'; readonly description: Description }
  | { readonly kind: 'wrong' | 'away'; readonly error: StreamError }

/** Topics that are read whole at every start are cut and compacted early; by default they would keep days of history. */
const COMPACTED: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'segment.ms': '3600000',
  'segment.bytes': '67108864',
  'min.cleanable.dirty.ratio': '0.1',
}

/** For commands that are printed: as a placeholder, since where Kafka is only the exit knows. */
const SERVER = '--bootstrap-server <host:port>'
const PARTITIONS = 12

/** Kafka's own default, ms. */
const DELETE_RETENTION_MS = 86_400_000
/** Twice as long as the keys of an ended session stay: a reader that is late must see their tombstones. */
const DELETE_RETENTION_MIN_MS = 2 * 3_600_000

/** How long a tombstone can be read at least, ms. */
export function deleteRetentionMs({ configs }: Description): number {
  return Number(configs.get('delete.retention.ms') ?? DELETE_RETENTION_MS)
}

export class TopicCheck {
  readonly topic: CheckedTopic
  readonly #clock: Clock
  readonly #create: CreateTopics
  readonly #onFinding: (check: TopicCheck, finding: Finding) => void
  readonly #backOff: BackOff
  #question: KafkaQuestion | null = null

  /** `onFinding` is called after every answer; after a good one there are no more. */
  constructor(
    topic: CheckedTopic,
    clock: Clock,
    create: CreateTopics,
    onFinding: (check: TopicCheck, finding: Finding) => void,
  ) {
    this.topic = topic
    this.#clock = clock
    this.#create = create
    this.#onFinding = onFinding
    this.#backOff = new BackOff(clock, () => this.ask())
  }

  ask(): void {
    this.#put({ kind: 'describe', topic: this.topic.name })
  }

  stop(): void {
    this.#backOff.cancel()
    this.#question?.cancel()
    this.#question = null
  }

  #put(open: KafkaOpen): void {
    this.#question = new KafkaQuestion((answer) => this.#onAnswer(open, answer))
    this.#question.ask(this.topic.exit, open, this.#clock)
  }

  #onAnswer(open: KafkaOpen, answer: KafkaAccept | StreamError): void {
    this.#question = null
    if (answer instanceof StreamError) this.#onRefused(open, answer)
    else if (answer.kind === 'create') this.ask()
    else if (answer.kind === 'describe') this.#onDescribed(answer)
  }

  #onDescribed(description: Description): void {
    const problem = this.topic.role === 'sessions' ? sessionsProblem(this.topic.name, description) : null
    if (problem === null) this.#onFinding(this, { kind: 'good', description })
    else this.#tell('wrong', problem)
  }

  #onRefused(open: KafkaOpen, error: StreamError): void {
    const { name, role } = this.topic
    if (error.code === 'not-found' && open.kind === 'describe') {
      if (this.#create === null) {
        const config = role === 'messages' ? '' : ' --config cleanup.policy=compact'
        const command = `kafka-topics.sh ${SERVER} --create --topic ${name} --partitions ${PARTITIONS}${config}`
        this.#tell('wrong', `${role} topic '${name}' does not exist: set options.create, or ${command}`)
      } else {
        const configs = role === 'messages' ? {} : COMPACTED
        this.#put({ kind: 'create', topic: name, ...this.#create, configs })
      }
    } else if (error.code === 'not-authorized' || (open.kind === 'create' && error.code === 'invalid')) {
      this.#tell('wrong', `may not ${open.kind} ${role} topic '${name}': ${error.message}`)
    } else this.#tell('away', `cannot ${open.kind} ${role} topic '${name}': ${error.message}`)
  }

  #tell(kind: 'wrong' | 'away', message: string): void {
    this.#backOff.schedule()
    const code = kind === 'wrong' ? 'refused' : 'unavailable'
    this.#onFinding(this, { kind, error: new StreamError(code, message) })
  }
}

/** Why this topic cannot keep sessions, and what to do; null: it can. */
export function sessionsProblem(name: string, description: Description): string | null {
  const set = `kafka-configs.sh ${SERVER} --alter --entity-type topics --entity-name ${name} --add-config`
  const policy = description.configs.get('cleanup.policy')
  if (policy !== 'compact') {
    return `sessions topic '${name}' has cleanup.policy=${policy}, it must be exactly 'compact': ${set} cleanup.policy=compact`
  }
  const retentionMs = deleteRetentionMs(description)
  if (retentionMs >= DELETE_RETENTION_MIN_MS) return null
  const least = `delete.retention.ms=${DELETE_RETENTION_MIN_MS}`
  return `sessions topic '${name}' has delete.retention.ms=${retentionMs}, sessions that have ended could return: ${set} ${least}`
}
