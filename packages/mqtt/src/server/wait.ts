/**
 * Why a connection is not read at the moment. Several may hold at once; reading goes on when none is left. While any does,
 * the keep-alive of the client is suspended: it is us who do not listen.
 */
export const Wait = {
  /** the session is not accepted yet */
  ACCEPT: 1,
  /** the publish stream of the message at hand has no room */
  ROOM: 2,
  /** more is unanswered than Receive Maximum allows: a 3.1.1 client, or one that repeats itself */
  ACKS: 4,
  /** too many SUBSCRIBEs and UNSUBSCRIBEs are unanswered */
  ANSWERS: 8,
  /** the client does not read our answers */
  OUTPUT: 16,
  /** the binding drains */
  DRAIN: 32,
  /** it sends faster than it may */
  RATE: 64,
} as const

export type WaitReason = (typeof Wait)[keyof typeof Wait]
