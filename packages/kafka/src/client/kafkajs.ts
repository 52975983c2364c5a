/**
 * Everything we use of kafkajs 2.2.4's internals, with its types: the one place that imports it. The library has neither
 * types for these nor an `exports` map, so its files are named in full. Used by `connection.ts` and the requests only.
 */
import { createRequire } from 'node:module'

/** What kafkajs takes for an encoder: it copies `buffer`. */
export interface WireEncoder {
  readonly buf: Buffer
  readonly buffer: Buffer
}

export interface WireRequest {
  readonly apiKey: number
  readonly apiName: string
  readonly apiVersion: number
  encode(): Promise<WireEncoder>
}

/** One request and how its answer is decoded; `parse` of kafkajs throws at the first error code of many, so it is always replaced. */
export interface WireCall<T> {
  readonly request: WireRequest
  readonly response: {
    decode(payload: Buffer): Promise<T>
    parse(decoded: T): T
  }
  readonly logResponseError?: boolean
}

/** A KIP-219 broker asks for a pause by this field; kafkajs obeys it. */
export interface Throttled {
  readonly clientSideThrottleTime?: number
}

export interface WireLogger {
  namespace(name: string): WireLogger
  debug(message: string, extra?: object): void
  info(message: string, extra?: object): void
  warn(message: string, extra?: object): void
  error(message: string, extra?: object): void
}

/** What kafkajs wants of a socket. */
export interface WireSocket {
  on(event: 'data', listener: (bytes: Buffer) => void): unknown
  on(event: 'end' | 'timeout', listener: () => unknown): unknown
  on(event: 'error', listener: (error: Error) => unknown): unknown
  write(bytes: Buffer): unknown
  end(): unknown
  unref(): unknown
}

/** One message of a SASL mechanism and what `parse` makes of the answer. Both are bytes behind their length (int32). */
export type WireExchange = <T>(call: {
  readonly request: { encode(): Promise<Buffer> }
  readonly response: { decode(raw: Buffer): Promise<never>; parse(decoded: never): Promise<T> }
}) => Promise<T>

export interface WireSaslContext {
  readonly host: string
  readonly port: number
  readonly logger: WireLogger
  readonly saslAuthenticate: WireExchange
}

type WireSaslProvider = (context: WireSaslContext) => { authenticate(): Promise<void> }

export interface WireSasl {
  /** as Kafka writes it */
  readonly mechanism: string
  /** asked at each authentication */
  readonly authenticationProvider: WireSaslProvider
}

interface WireRequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

export interface WireConnection {
  readonly requestQueue: WireRequestQueue
  /** null: the next request authenticates first */
  authenticatedAt: unknown
  /** of the last authentication, in ms; 0: unlimited (KIP-368) */
  readonly sessionLifetime: { toString(): string }
  /** Resolves at once when `authenticatedAt` is set; one attempt at a time, requests wait for it. */
  authenticate(): Promise<void>
  send<T>(call: WireCall<T>): Promise<T>
}

interface WireConnectionPool {
  readonly pool: readonly WireConnection[]
}

export interface ConnectionPoolOptions {
  readonly host: string
  readonly port: number
  readonly clientId: string
  readonly logger: WireLogger
  readonly connectionTimeout: number
  readonly requestTimeout: number
  readonly enforceRequestTimeout: boolean
  readonly sasl: WireSasl | null
  /** authenticates again so long before the session ends, with the next request */
  readonly reauthenticationThreshold: number
  readonly socketFactory: (options: { readonly onConnect: () => void }) => WireSocket
}

export type WireVersions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>

export interface WireBroker {
  readonly versions: WireVersions | null
  /** Opens the first connection of the pool, asks for the API versions and authenticates. */
  connect(): Promise<void>
  lookupRequest<A, T>(apiKey: number, definition: RequestDefinition<A, T>): (args: A) => WireCall<T>
}

/** All versions of one API. */
export interface RequestDefinition<A, T> {
  readonly versions: readonly string[]
  protocol(options: { readonly version: number }): (args: A) => WireCall<T>
}

export interface MetadataAnswer extends Throttled {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
  readonly controllerId: number
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number
    readonly topic: string
    readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[]
  }[]
}

export interface ListOffsetsAnswer extends Throttled {
  readonly responses: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[]
  }[]
}

export interface ProducerIdAnswer extends Throttled {
  readonly errorCode: number
  readonly producerId: string
  readonly producerEpoch: number
}

export interface DescribeConfigsAnswer extends Throttled {
  readonly resources: readonly {
    readonly errorCode: number
    readonly resourceName: string
    readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[]
  }[]
}

export interface CreateTopicsAnswer extends Throttled {
  readonly topicErrors: readonly {
    readonly topic: string
    readonly errorCode: number
    readonly errorMessage?: string | null
  }[]
}

export interface CoordinatorAnswer extends Throttled {
  readonly errorCode: number
  readonly coordinator: { readonly host: string; readonly port: number }
}

export interface AddPartitionsAnswer extends Throttled {
  readonly errors: readonly {
    readonly topic: string
    readonly partitionErrors: readonly { readonly partition: number; readonly errorCode: number }[]
  }[]
}

export interface CodeAnswer extends Throttled {
  readonly errorCode: number
}

export interface JoinGroupAnswer extends CodeAnswer {
  readonly generationId: number
  readonly leaderId: string
  readonly memberId: string
  /** given to the leader only */
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer | null }[]
}

export interface SyncGroupAnswer extends CodeAnswer {
  readonly memberAssignment: Buffer | null
}

/** What a request in the name of a transactional id begins with. */
interface OfTransaction {
  readonly transactionalId: string
  /** int64 */
  readonly producerId: string
  readonly producerEpoch: number
}

interface Requests {
  readonly Metadata: RequestDefinition<
    { readonly topics: readonly string[]; readonly allowAutoTopicCreation: boolean },
    MetadataAnswer
  >
  readonly ListOffsets: RequestDefinition<
    {
      readonly isolationLevel: number
      readonly topics: readonly {
        readonly topic: string
        readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
      }[]
    },
    ListOffsetsAnswer
  >
  readonly InitProducerId: RequestDefinition<
    { readonly transactionalId: string | null; readonly transactionTimeout?: number },
    ProducerIdAnswer
  >
  readonly GroupCoordinator: RequestDefinition<
    /** `groupId` stands for a transactional id too */
    { readonly groupId: string; readonly coordinatorType: number },
    CoordinatorAnswer
  >
  readonly AddPartitionsToTxn: RequestDefinition<
    OfTransaction & { readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[] },
    AddPartitionsAnswer
  >
  readonly EndTxn: RequestDefinition<OfTransaction & { readonly transactionResult: boolean }, CodeAnswer>
  readonly JoinGroup: RequestDefinition<
    {
      readonly groupId: string
      readonly sessionTimeout: number
      readonly rebalanceTimeout: number
      readonly memberId: string
      readonly protocolType: string
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[]
    },
    JoinGroupAnswer
  >
  readonly SyncGroup: RequestDefinition<
    {
      readonly groupId: string
      readonly generationId: number
      readonly memberId: string
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]
    },
    SyncGroupAnswer
  >
  readonly Heartbeat: RequestDefinition<
    { readonly groupId: string; readonly groupGenerationId: number; readonly memberId: string },
    CodeAnswer
  >
  readonly LeaveGroup: RequestDefinition<{ readonly groupId: string; readonly memberId: string }, CodeAnswer>
  readonly DescribeConfigs: RequestDefinition<
    {
      readonly resources: readonly { readonly type: number; readonly name: string }[]
      readonly includeSynonyms: boolean
    },
    DescribeConfigsAnswer
  >
  readonly CreateTopics: RequestDefinition<
    {
      readonly topics: readonly {
        readonly topic: string
        readonly numPartitions: number
        readonly replicationFactor: number
        readonly configEntries: readonly { readonly name: string; readonly value: string }[]
      }[]
      readonly validateOnly: boolean
      readonly timeout: number
    },
    CreateTopicsAnswer
  >
}

const load = createRequire(import.meta.url)

export const ConnectionPool: new (options: ConnectionPoolOptions) => WireConnectionPool = load(
  'kafkajs/src/network/connectionPool.js',
)

export const Broker: new (options: {
  readonly connectionPool: WireConnectionPool
  readonly logger: WireLogger
  readonly allowAutoTopicCreation: boolean
}) => WireBroker = load('kafkajs/src/broker/index.js')

const protocol: { readonly requests: Requests } = load('kafkajs/src/protocol/requests/index.js')

export const requests = protocol.requests

/** The numbers of the APIs. */
export const apiKeys: Readonly<Record<keyof Requests | 'Produce' | 'Fetch', number>> = load(
  'kafkajs/src/protocol/requests/apiKeys.js',
)

type SaslMechanism = (login: { readonly username: string; readonly password: string }) => WireSaslProvider

export const plainProvider: SaslMechanism = load('kafkajs/src/broker/saslAuthenticator/plain.js')

export const scramProviders: Readonly<Record<'scram-sha-256' | 'scram-sha-512', SaslMechanism>> = {
  'scram-sha-256': load('kafkajs/src/broker/saslAuthenticator/scram256.js'),
  'scram-sha-512': load('kafkajs/src/broker/saslAuthenticator/scram512.js'),
}

const INT32_BYTES = 4

/** A SASL message of this text. */
export function saslBytes(text: string): { encode(): Promise<Buffer> } {
  const bytes = Buffer.from(text)
  const head = Buffer.alloc(INT32_BYTES)
  head.writeInt32BE(bytes.length)
  return { encode: async () => Buffer.concat([head, bytes]) }
}

/** The answer to a SASL message as text. */
export const saslText = {
  decode: async (raw: Buffer): Promise<never> => raw.subarray(INT32_BYTES).toString() as never,
  parse: async (text: never): Promise<string> => text,
}
