/**
 * Where a SUBSCRIBE wants to begin: its user property `zilla:from`. `start`, a time (RFC 3339), or offsets by partition
 * (`0:120,1:99`).
 */

/** Name of the user property. */
export const FROM = 'zilla:from'

export type ReplayFrom =
  | { readonly kind: 'start' }
  /** epoch ms */
  | { readonly kind: 'time'; readonly time: number }
  /** partitions that are not in it begin live */
  | { readonly kind: 'offsets'; readonly offsets: ReadonlyMap<number, number> }

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i
const OFFSETS = /^\d{1,6}:\d{1,15}(,\d{1,6}:\d{1,15})*$/

/** What the user properties of a SUBSCRIBE ask for; null: to begin live; a text: what is wrong. */
export function replayFrom(properties: readonly (readonly [string, string])[]): ReplayFrom | null | string {
  const values = properties.flatMap(([name, value]) => (name === FROM ? [value] : []))
  const [value] = values
  if (value === undefined) return null
  if (values.length > 1) return `${FROM} is there more than once`
  if (value === 'start') return { kind: 'start' }
  if (TIME.test(value)) {
    const time = Date.parse(value)
    return Number.isNaN(time) ? `${FROM} is no time that there is` : { kind: 'time', time: Math.max(0, time) }
  }
  if (!OFFSETS.test(value)) return `${FROM} is neither start, nor a time (RFC 3339), nor offsets (partition:offset,...)`
  const pairs = value.split(',').map((pair) => pair.split(':').map(Number) as [number, number])
  const offsets = new Map(pairs)
  return offsets.size < pairs.length ? `${FROM} has a partition twice` : { kind: 'offsets', offsets }
}

/** Where it begins in a partition whose first offset, or that of the time, is `start`. */
export function firstOffset(from: ReplayFrom, partition: number, start: number): number {
  if (from.kind !== 'offsets') return start
  const offset = from.offsets.get(partition)
  return offset === undefined ? Number.MAX_SAFE_INTEGER : Math.max(offset, start)
}
