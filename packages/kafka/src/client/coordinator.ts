/**
 * The broker that coordinates one group or transactional id: found when it is needed, looked for again after anything that
 * says it is another. Owned by a `GroupStream` or a `TransactionRequests`. Never repeats a request by itself.
 */
import type { Admin, CoordinatorType } from './admin.ts'
import type { BrokerConnection } from './connection.ts'
import type { Directory } from './directory.ts'
import { COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR } from './error-codes.ts'
import { apiKeys, type RequestDefinition } from './kafkajs.ts'
import type { Lane } from './lane.ts'

export class Coordinator {
  readonly #admin: Admin
  readonly #directory: Directory
  readonly #lane: Lane
  readonly #type: CoordinatorType
  readonly #key: string
  #address: string | null = null

  constructor(admin: Admin, directory: Directory, lane: Lane, type: CoordinatorType, key: string) {
    this.#admin = admin
    this.#directory = directory
    this.#lane = lane
    this.#type = type
    this.#key = key
  }

  /** Whether the code says that somebody else is to be asked, or later. */
  moved(code: number): boolean {
    const moved = code === NOT_COORDINATOR || code === COORDINATOR_NOT_AVAILABLE
    if (moved) this.#address = null
    return moved || code === COORDINATOR_LOAD_IN_PROGRESS
  }

  async connection(): Promise<BrokerConnection> {
    this.#address ??= await this.#admin.coordinator(this.#type, this.#key, this.#directory)
    try {
      return await this.#lane.connection(this.#address)
    } catch (error) {
      this.#address = null
      throw error
    }
  }

  /** Asks once, over a connection of this coordinator. */
  async send<A, T>(
    connection: BrokerConnection,
    api: keyof typeof apiKeys,
    definition: RequestDefinition<A, T>,
    args: A,
    timeoutMs: number,
  ): Promise<T> {
    try {
      return await connection.send(connection.call(apiKeys[api], definition)(args), timeoutMs)
    } catch (error) {
      this.#address = null
      throw error
    }
  }
}
