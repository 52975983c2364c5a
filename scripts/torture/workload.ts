/** A part of the load that looks after itself. */
export interface Workload {
  start(): void
  /** Ends it in order; resolves when what it waits for has come, or has not within its own deadline. */
  finish(): Promise<void>
  /** Holds what it has done against the topics, which have been read. The engines have been stopped. */
  verify?(stored: StoredKeys): void
}

/** What is on the topics apart from numbered messages. */
export interface StoredKeys {
  /** records of the messages topic, by key */
  readonly messages: ReadonlyMap<string, number>
  /** last value on the retained topic, by key; null: a tombstone */
  readonly retained: ReadonlyMap<string, string | null>
}

/** Resolves when the condition holds, with true, or with false when it is too late. */
export async function until(condition: () => boolean, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  while (!condition()) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}
