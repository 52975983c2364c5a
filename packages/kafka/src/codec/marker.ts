/**
 * What a control batch says: the end of a transaction in its partition (KIP-98, "Control Messages"). Read by whoever sorts
 * records by the fate of their transaction; other control records mean nothing to us.
 */
import type { BatchReader } from './batch-reader.ts'

const ABORT = 0
const COMMIT = 1
/** a marker's key: version and type, int16 each */
const TYPE = 2
const KEY_BYTES = 4

export type Fate = 'committed' | 'aborted'

/** Of the control batch that the reader has just moved to; null: it is no marker. Throws `RecordError` for a bad one. */
export function readMarker(reader: BatchReader): Fate | null {
  if (!reader.nextRecord() || reader.keyLength < KEY_BYTES) return null
  const type = reader.bytes.readInt16BE(reader.keyStart + TYPE)
  if (type === COMMIT) return 'committed'
  return type === ABORT ? 'aborted' : null
}
