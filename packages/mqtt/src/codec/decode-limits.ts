/** What a packet may hold beyond what the standard says; more is refused before anything is made of it. */
import { LEVELS_MAX, TOPIC_BYTES_MAX } from '../topic.ts'

export interface DecodeLimits {
  /** levels of a topic name or filter */
  readonly topicLevels: number
  /** bytes of a topic name or filter */
  readonly topicBytes: number
  /** user properties of one packet, those of its will counted apart; each takes 5 bytes of it and far more of memory */
  readonly userProperties: number
}

export const DECODE_LIMITS: DecodeLimits = {
  topicLevels: LEVELS_MAX,
  topicBytes: TOPIC_BYTES_MAX,
  userProperties: Number.POSITIVE_INFINITY,
}
