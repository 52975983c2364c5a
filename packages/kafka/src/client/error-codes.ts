/**
 * Kafka's error codes as far as they change what we do (protocol guide, "Error Codes"). Used by everything that reads an
 * answer of a broker.
 */
import { type ErrorCode, StreamError } from '@zilla-ts/engine'

export const NONE = 0
export const OFFSET_OUT_OF_RANGE = 1
export const CORRUPT_MESSAGE = 2
export const UNKNOWN_TOPIC_OR_PARTITION = 3
export const LEADER_NOT_AVAILABLE = 5
export const NOT_LEADER = 6
export const MESSAGE_TOO_LARGE = 10
export const COORDINATOR_LOAD_IN_PROGRESS = 14
export const COORDINATOR_NOT_AVAILABLE = 15
export const NOT_COORDINATOR = 16
export const INVALID_TOPIC = 17
export const RECORD_LIST_TOO_LARGE = 18
export const ILLEGAL_GENERATION = 22
export const INCONSISTENT_GROUP_PROTOCOL = 23
export const INVALID_GROUP_ID = 24
export const UNKNOWN_MEMBER_ID = 25
export const INVALID_SESSION_TIMEOUT = 26
export const REBALANCE_IN_PROGRESS = 27
export const TOPIC_AUTHORIZATION_FAILED = 29
export const GROUP_AUTHORIZATION_FAILED = 30
export const CLUSTER_AUTHORIZATION_FAILED = 31
export const INVALID_TIMESTAMP = 32
export const TOPIC_ALREADY_EXISTS = 36
export const INVALID_PARTITIONS = 37
export const INVALID_REPLICATION_FACTOR = 38
export const INVALID_REPLICA_ASSIGNMENT = 39
export const INVALID_CONFIG = 40
export const INVALID_REQUEST = 42
export const POLICY_VIOLATION = 44
export const OUT_OF_ORDER_SEQUENCE = 45
export const DUPLICATE_SEQUENCE = 46
export const INVALID_PRODUCER_EPOCH = 47
export const INVALID_TXN_STATE = 48
export const INVALID_PRODUCER_ID_MAPPING = 49
export const INVALID_TRANSACTION_TIMEOUT = 50
export const CONCURRENT_TRANSACTIONS = 51
export const TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
export const OPERATION_NOT_ATTEMPTED = 55
export const UNKNOWN_PRODUCER_ID = 59
export const MEMBER_ID_REQUIRED = 79
export const GROUP_MAX_SIZE_REACHED = 81
export const INVALID_RECORD = 87
export const PRODUCER_FENCED = 90

const NAMES: Readonly<Record<number, readonly [code: ErrorCode, words: string]>> = {
  [UNKNOWN_TOPIC_OR_PARTITION]: ['not-found', 'does not exist'],
  [MESSAGE_TOO_LARGE]: ['too-large', 'takes no record of this size'],
  [RECORD_LIST_TOO_LARGE]: ['too-large', 'takes no record of this size'],
  [CORRUPT_MESSAGE]: ['invalid', 'takes no such record'],
  [INVALID_RECORD]: ['invalid', 'takes no such record (a compacted topic wants a key)'],
  [INVALID_TIMESTAMP]: ['invalid', 'refuses the timestamp of a record: look at the clocks of this host and of Kafka'],
  [INVALID_TOPIC]: ['invalid', 'is no legal topic name'],
  [TOPIC_AUTHORIZATION_FAILED]: ['not-authorized', 'is not open to us'],
  [CLUSTER_AUTHORIZATION_FAILED]: ['not-authorized', 'needs a permission on the cluster that we lack'],
  [INVALID_PARTITIONS]: ['invalid', 'cannot have this number of partitions'],
  [INVALID_REPLICATION_FACTOR]: ['invalid', 'cannot have this number of replicas'],
  [INVALID_REPLICA_ASSIGNMENT]: ['invalid', 'cannot have these replicas'],
  [INVALID_CONFIG]: ['invalid', 'cannot have this configuration'],
  [INVALID_REQUEST]: ['invalid', 'cannot be asked for like this'],
  [POLICY_VIOLATION]: ['refused', 'is against a policy of the cluster'],
}

/** Of what a coordinator says of a transactional id or a group, that which no repetition changes. */
const COORDINATED: Readonly<Record<number, readonly [code: ErrorCode, words: string]>> = {
  [INVALID_REQUEST]: ['invalid', 'is no legal name'],
  [INVALID_GROUP_ID]: ['invalid', 'is no legal name'],
  [INVALID_SESSION_TIMEOUT]: ['invalid', 'cannot have this session timeout: look at group.min.session.timeout.ms'],
  [INVALID_TRANSACTION_TIMEOUT]: ['invalid', 'cannot have this timeout: look at transaction.max.timeout.ms'],
  [INCONSISTENT_GROUP_PROTOCOL]: ['refused', 'is a group of other programs'],
  [GROUP_MAX_SIZE_REACHED]: ['quota', 'takes no more members'],
  [GROUP_AUTHORIZATION_FAILED]: ['not-authorized', 'is not open to us'],
  [TRANSACTIONAL_ID_AUTHORIZATION_FAILED]: ['not-authorized', 'is not open to us'],
  [CLUSTER_AUTHORIZATION_FAILED]: ['not-authorized', 'needs a permission on the cluster that we lack'],
}

/** What a coordinator's code says about `what` for good; null: it may be otherwise later. */
export function coordinatedError(code: number, what: string): StreamError | null {
  const found = COORDINATED[code]
  return found === undefined ? null : new StreamError(found[0], `${what} ${found[1]}`)
}

/** Whether the same request can never succeed. */
export function isFinal(code: number): boolean {
  return code in NAMES && code !== UNKNOWN_TOPIC_OR_PARTITION
}

/** What an error code says about a topic, in our words. */
export function topicError(code: number, topic: string, detail = ''): StreamError {
  const [name, words] = NAMES[code] ?? (['unavailable', `cannot be used now (Kafka error ${code})`] as const)
  return new StreamError(name, `topic ${topic} ${words}${detail === '' ? '' : `: ${detail}`}`)
}
