/**
 * The message logs that somebody subscribes to, by Kafka topic. Opens them on first use; they leave by themselves when
 * nobody has subscribed for a while.
 */
import { type LogContext, MessageLog } from './message-log.ts'
import type { Destination } from './routes.ts'
import { TopicUse } from './topic-use.ts'

export class MessageLogs {
  readonly #context: LogContext
  readonly #logs = new Map<string, MessageLog>()
  readonly #fromParams: TopicUse

  /** `paramTopics`: how many logs may have a name made from what clients send. */
  constructor(context: LogContext, paramTopics: number) {
    this.#context = context
    this.#fromParams = new TopicUse(paramTopics)
  }

  get size(): number {
    return this.#logs.size
  }

  /** subscriptions, trie nodes and cursors of all logs */
  get usage(): { readonly subscriptions: number; readonly nodes: number; readonly cursors: number } {
    let subscriptions = 0
    let nodes = 0
    let cursors = 0
    for (const log of this.#logs.values()) {
      subscriptions += log.subscriptions
      nodes += log.nodes
      cursors += log.cursors
    }
    return { subscriptions, nodes, cursors }
  }

  /** The log of a Kafka topic, if it is read. */
  get(topic: string): MessageLog | null {
    return this.#logs.get(topic) ?? null
  }

  /** Null: too many topics are read already. The caller subscribes at once. */
  open(destination: Destination): MessageLog | null {
    const known = this.#logs.get(destination.topic)
    if (known !== undefined) return known
    if (destination.fromParams && !this.#fromParams.acquire(destination.topic)) return null
    const log = new MessageLog(destination.exit, destination.topic, this.#context, () => {
      this.#logs.delete(destination.topic)
      if (destination.fromParams) this.#fromParams.release(destination.topic)
    })
    this.#logs.set(destination.topic, log)
    return log
  }

  close(): void {
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }
}
