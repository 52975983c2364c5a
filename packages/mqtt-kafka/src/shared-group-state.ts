/** What survives of a shared subscription, as the JSON that is stored for it. Reading it never throws. */
import type { Ends } from './log-positions.ts'
import type { SessionState } from './session/ownership.ts'
import { readEnds } from './session-state.ts'

export interface GroupState {
  /** by Kafka topic, next offset per partition */
  readonly positions: ReadonlyMap<string, Ends>
  /** by Kafka topic and partition, offsets below that are not acknowledged */
  readonly open: ReadonlyMap<string, ReadonlyMap<number, readonly number[]>>
  /** clients whose sessions outlive their connections */
  readonly clients: readonly string[]
}

export function composeGroup({ positions, open, clients }: GroupState): SessionState {
  const partitions = ([topic, offsets]: [string, ReadonlyMap<number, readonly number[]>]) =>
    [topic, Object.fromEntries(offsets)] as const
  return {
    pos: Object.fromEntries(positions),
    ...(open.size > 0 && { open: Object.fromEntries([...open].map(partitions)) }),
    clients,
  }
}

export function readGroup(state: SessionState): GroupState {
  const open = new Map<string, Map<number, readonly number[]>>()
  for (const [topic, partitions] of Object.entries(Object(state['open']))) {
    const offsets = readEnds(partitions)
    open.set(topic, new Map([...offsets].map(([partition, list]) => [Number(partition), list])))
  }
  const clients = Array.isArray(state['clients']) ? state['clients'].filter((id) => typeof id === 'string') : []
  return { positions: readEnds(state['pos']), open, clients }
}
