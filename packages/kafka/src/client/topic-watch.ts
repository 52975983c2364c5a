/** Waits for one topic to be known, and keeps it up to date until `end`. For those who need a topic now and then. */
import type { StreamError } from '@zilla-ts/engine'
import type { Directory, Topic, TopicWatcher } from './directory.ts'

export class TopicWatch implements TopicWatcher {
  /** rejects where it does not exist */
  readonly found: Promise<Topic>
  readonly #directory: Directory
  readonly #name: string
  #resolve: (topic: Topic) => void = () => {}
  #reject: (error: StreamError) => void = () => {}

  constructor(directory: Directory, name: string) {
    this.#directory = directory
    this.#name = name
    this.found = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    directory.watch(name, this)
  }

  onTopic(topic: Topic): void {
    this.#resolve(topic)
  }

  onTopicLost(error: StreamError): void {
    this.#reject(error)
  }

  end(): void {
    this.#directory.unwatch(this.#name, this)
  }
}
