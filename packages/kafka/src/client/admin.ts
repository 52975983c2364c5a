/**
 * Single questions to the cluster over connections of their own: metadata, configurations, offsets, new topics, a producer
 * id. Each is one attempt over whichever broker answers; who asks decides about another. Used by the directory, the
 * producer and the asking streams.
 */
import { StreamError, toStreamError } from '@zilla-ts/engine'
import type { PartitionOffsets, TopicOperation } from '../stream.ts'
import { type BrokerConnection, joinAddress } from './connection.ts'
import {
  CLUSTER_AUTHORIZATION_FAILED,
  coordinatedError,
  NONE,
  TOPIC_ALREADY_EXISTS,
  topicError,
} from './error-codes.ts'
import { ISOLATION, type Isolation } from './fetch-wire.ts'
import { groupBy } from './group-by.ts'
import { apiKeys, type ListOffsetsAnswer, type MetadataAnswer, requests } from './kafkajs.ts'
import type { Lane } from './lane.ts'
import { OPERATIONS_VERSION, operationsCall } from './operations-wire.ts'
import type { ClientSite } from './site.ts'

const REQUEST_TIMEOUT_MS = 10_000
const CREATE_TIMEOUT_MS = 20_000
const EARLIEST = -2
const LATEST = -1
/** Asked for where only an answer is wanted: kafkajs takes no topic at all for every topic. */
const NO_TOPIC = ['__consumer_offsets']
/** nothing is as late as was asked for */
const NO_OFFSET = -1
const TOPIC_RESOURCE = 2
const BROKER_DEFAULT = -1
/** the values of `key_type` */
const COORDINATOR = { group: 0, 'transactional id': 1 } as const

export type CoordinatorType = keyof typeof COORDINATOR

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Where the parts of the cluster are; the directory. */
export interface Addresses {
  /** `host:port` of all brokers known */
  readonly brokers: readonly string[]
  readonly controller: string | null
  /** of the partition's leader; throws `unavailable` when there is none now */
  leader(topic: string, partition: number): string
}

export class Admin {
  readonly #site: ClientSite
  readonly #lane: Lane
  /** the broker that answered last */
  #address: string | null | undefined

  constructor(site: ClientSite, lane: Lane) {
    this.#site = site
    this.#lane = lane
  }

  async metadata(topics: readonly string[], addresses: Addresses): Promise<MetadataAnswer> {
    const connection = await this.#any(addresses)
    const call = connection.call(apiKeys.Metadata, requests.Metadata)
    return connection.send(call({ topics, allowAutoTopicCreation: false }), REQUEST_TIMEOUT_MS)
  }

  /** What we may do with topics, as far as the broker tells. No topics: whether it answers at all. */
  async operations(topics: readonly string[], addresses: Addresses): Promise<ReadonlyMap<string, TopicOperation[]>> {
    const connection = await this.#any(addresses)
    if (connection.version(apiKeys.Metadata, OPERATIONS_VERSION) < OPERATIONS_VERSION) {
      if (topics.length === 0) await this.metadata(NO_TOPIC, addresses)
      return new Map()
    }
    return (await connection.send(operationsCall(topics), REQUEST_TIMEOUT_MS)).operations
  }

  /** Configurations of topics; one that may not be read is absent. */
  async configs(topics: readonly string[], addresses: Addresses): Promise<Map<string, Map<string, string>>> {
    const connection = await this.#any(addresses)
    const call = connection.call(apiKeys.DescribeConfigs, requests.DescribeConfigs)
    const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name }))
    const answer = await connection.send(call({ resources, includeSynonyms: false }), REQUEST_TIMEOUT_MS)
    const found = new Map<string, Map<string, string>>()
    for (const { errorCode, resourceName, configEntries } of answer.resources) {
      if (errorCode !== NONE) continue
      const entries = configEntries.flatMap(({ configName, configValue }) =>
        configValue === null ? [] : [[configName, configValue] as const],
      )
      found.set(resourceName, new Map(entries))
    }
    return found
  }

  /** First offset and end of the partitions, in their order; what the end is, see `FetchResult`. `since`: see `KafkaOpen`. */
  async offsets(
    topic: string,
    partitions: readonly number[],
    { isolation, since = EARLIEST }: { readonly isolation: Isolation; readonly since?: number },
    addresses: Addresses,
  ): Promise<PartitionOffsets[]> {
    const byLeader = groupBy(partitions, (partition) => addresses.leader(topic, partition))
    const found = await Promise.all(
      [...byLeader].map(async ([leader, some]) => {
        const connection = await this.#lane.connection(leader)
        const [starts, ends] = await Promise.all([
          this.#listOffsets(connection, topic, some, isolation, since),
          this.#listOffsets(connection, topic, some, isolation, LATEST),
        ])
        return some.map((partition) => {
          const [start, end] = [starts.get(partition)!, ends.get(partition)!]
          // What is behind an open transaction is not there yet.
          return { partition, start: start === NO_OFFSET ? end : Math.min(start, end), end }
        })
      }),
    )
    return found.flat().sort((a, b) => a.partition - b.partition)
  }

  async #listOffsets(
    connection: BrokerConnection,
    topic: string,
    partitions: readonly number[],
    isolation: Isolation,
    timestamp: number,
  ): Promise<Map<number, number>> {
    const call = connection.call(apiKeys.ListOffsets, requests.ListOffsets)
    const topics = [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }]
    const answer: ListOffsetsAnswer = await connection.send(
      call({ isolationLevel: ISOLATION[isolation], topics }),
      REQUEST_TIMEOUT_MS,
    )
    const found = new Map<number, number>()
    for (const { partition, errorCode, offset } of answer.responses.flatMap((response) => response.partitions)) {
      if (errorCode !== NONE) throw topicError(errorCode, topic)
      found.set(partition, Number(offset))
    }
    if (partitions.some((partition) => !found.has(partition))) throw topicError(-1, topic, 'no offsets in the answer')
    return found
  }

  /** False: it was there already. */
  async create(
    topic: string,
    wanted: {
      readonly partitions?: number
      readonly replicas?: number
      readonly configs?: Readonly<Record<string, string>>
    },
    addresses: Addresses,
  ): Promise<boolean> {
    const connection =
      addresses.controller === null ? await this.#any(addresses) : await this.#lane.connection(addresses.controller)
    const call = connection.call(apiKeys.CreateTopics, requests.CreateTopics)
    const item = {
      topic,
      numPartitions: wanted.partitions ?? BROKER_DEFAULT,
      replicationFactor: wanted.replicas ?? BROKER_DEFAULT,
      configEntries: Object.entries(wanted.configs ?? {}).map(([name, value]) => ({ name, value })),
    }
    const args = { topics: [item], validateOnly: false, timeout: REQUEST_TIMEOUT_MS }
    const answer = await connection.send(call(args), CREATE_TIMEOUT_MS)
    const { errorCode, errorMessage } = answer.topicErrors[0] ?? { errorCode: -1, errorMessage: 'no answer for it' }
    if (errorCode === NONE) return true
    if (errorCode === TOPIC_ALREADY_EXISTS) return false
    throw topicError(errorCode, topic, errorMessage ?? '')
  }

  async producerId(addresses: Addresses): Promise<ProducerIdentity> {
    const connection = await this.#any(addresses)
    const call = connection.call(apiKeys.InitProducerId, requests.InitProducerId)
    const answer = await connection.send(call({ transactionalId: null }), REQUEST_TIMEOUT_MS)
    if (answer.errorCode === CLUSTER_AUTHORIZATION_FAILED) {
      // KIP-679: to write to some topic is enough.
      throw new StreamError('not-authorized', 'Kafka lets us write to no topic: WRITE is needed on those we write to')
    }
    if (answer.errorCode !== NONE) {
      throw new StreamError('unavailable', `no producer id from Kafka (error ${answer.errorCode})`)
    }
    return { producerId: Number(answer.producerId), producerEpoch: answer.producerEpoch }
  }

  /** `host:port` of who coordinates a group or a transactional id. */
  async coordinator(type: CoordinatorType, key: string, addresses: Addresses): Promise<string> {
    const connection = await this.#any(addresses)
    const call = connection.call(apiKeys.GroupCoordinator, requests.GroupCoordinator)
    const args = { groupId: key, coordinatorType: COORDINATOR[type] }
    const { errorCode, coordinator } = await connection.send(call(args), REQUEST_TIMEOUT_MS)
    if (errorCode === NONE) return joinAddress(coordinator.host, coordinator.port)
    const what = `${type} ${key}`
    throw (
      coordinatedError(errorCode, what) ??
      new StreamError('unavailable', `${what} has no coordinator now (Kafka error ${errorCode})`)
    )
  }

  /** The broker that answered last, else each one known, else the servers of the document. */
  async #any(addresses: Addresses): Promise<BrokerConnection> {
    const { servers } = this.#site
    const candidates = new Set([
      ...(this.#address === undefined ? [] : [this.#address]),
      ...shuffled(addresses.brokers),
      ...(servers.length === 0 ? [null] : shuffled(servers)),
    ])
    let failure: unknown
    for (const address of candidates) {
      try {
        const connection = await this.#lane.connection(address)
        this.#address = address
        return connection
      } catch (error) {
        failure = error
      }
    }
    this.#address = undefined
    this.#site.noneAnswered(toStreamError(failure, 'unavailable'))
    throw failure
  }
}

/** Bootstrap servers and brokers share the load of many clients. */
function shuffled(addresses: readonly string[]): string[] {
  return addresses
    .map((address) => ({ address, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ address }) => address)
}
