/**
 * States of shared subscriptions: one record per group on the sessions topic, written late and as a whole like the progress
 * of a session. The last record wins; who may write is for the caller to know (the instance that holds the group's partition).
 */

import type { Clock } from '@zilla-ts/engine'
import { partitionHash } from '@zilla-ts/kafka'
import type { Deadline, DeadlineQueue } from './deadline-queue.ts'
import type { SessionState } from './ownership.ts'
import { encodeValue, groupKey } from './records.ts'
import type { BatchOwner, SessionRecord } from './session-writer.ts'

export interface GroupContext {
  readonly clock: Clock
  readonly deadlines: DeadlineQueue
  readonly instance: string
  readonly touchMs: number
  append(records: readonly SessionRecord[], hash: number, owner: BatchOwner): void
}

export class GroupStates {
  readonly #context: GroupContext
  readonly #unsaved = new Map<string, GroupSave>()

  constructor(context: GroupContext) {
    this.#context = context
  }

  /** groups whose state waits to be written */
  get unsaved(): number {
    return this.#unsaved.size
  }

  /** The state has changed: it is asked for and written within a second. */
  save(name: string, snapshot: () => SessionState): void {
    const known = this.#unsaved.get(name)
    if (known !== undefined) {
      known.snapshot = snapshot
      return
    }
    const save = new GroupSave(name, snapshot, this)
    this.#unsaved.set(name, save)
    this.#context.deadlines.set(save, this.#context.clock.now() + this.#context.touchMs)
  }

  /** The group has ended. */
  drop(name: string): void {
    this.#forget(name)
    this.#context.append([{ key: groupKey(name), value: null }], partitionHash(Buffer.from(name)), DROPPED)
  }

  /** Writes what waits. */
  flush(): void {
    for (const save of [...this.#unsaved.values()]) this.write(save)
  }

  write(save: GroupSave): void {
    this.#forget(save.name)
    const { clock, instance } = this.#context
    const value = encodeValue({ k: 'group', i: instance, at: clock.now() }, save.snapshot())
    this.#context.append([{ key: groupKey(save.name), value }], partitionHash(Buffer.from(save.name)), save)
  }

  #forget(name: string): void {
    const save = this.#unsaved.get(name)
    if (save === undefined) return
    this.#unsaved.delete(name)
    this.#context.deadlines.remove(save)
  }
}

/** A tombstone that is lost leaves a group that nobody is a member of; its next member drops it again. */
const DROPPED: BatchOwner = { onFailed() {} }

class GroupSave implements Deadline, BatchOwner {
  readonly name: string
  snapshot: () => SessionState
  dueIndex = -1
  dueAt = 0
  readonly #states: GroupStates

  constructor(name: string, snapshot: () => SessionState, states: GroupStates) {
    this.name = name
    this.snapshot = snapshot
    this.#states = states
  }

  onDue(): void {
    this.#states.write(this)
  }

  /** Tries again later; a state that can never be stored is given up with its next change. */
  onFailed(_error: unknown, definite: boolean): void {
    if (!definite) this.#states.save(this.name, this.snapshot)
  }
}
