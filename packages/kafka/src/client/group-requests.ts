/**
 * The requests of one member to the coordinator of its group, each one attempt. Over connections of its own, since a
 * JoinGroup holds its connection up until all members have come. Used by a `GroupStream`, which decides about another attempt.
 */
import { StreamError } from '@zilla-ts/engine'
import type { Admin } from './admin.ts'
import { Coordinator } from './coordinator.ts'
import type { Directory } from './directory.ts'
import { type CodeAnswer, type JoinGroupAnswer, requests, type SyncGroupAnswer } from './kafkajs.ts'
import { Lane } from './lane.ts'
import type { ClientSite } from './site.ts'

const PROTOCOL_TYPE = 'consumer'
const PROTOCOL = 'zilla-sessions'
const REQUEST_TIMEOUT_MS = 10_000
/** more than the coordinator waits for members that are late */
const JOIN_MARGIN_MS = 5_000
const LEAVE_TIMEOUT_MS = 3_000

/** The coordinator, as far as a member needs it. All reject with `unavailable` or `timeout` for no answer. */
export interface GroupLink {
  /** `memberId` is empty for who has none yet. */
  join(memberId: string, metadata: Buffer): Promise<JoinGroupAnswer>
  sync(
    generationId: number,
    memberId: string,
    assignments: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[],
  ): Promise<SyncGroupAnswer>
  heartbeat(generationId: number, memberId: string): Promise<CodeAnswer>
  /** Drops what is in flight and says goodbye if a broker listens; nothing follows. Never rejects. */
  leave(memberId: string): Promise<void>
  /** Whether the code says that another coordinator is to be asked, or later. */
  moved(code: number): boolean
}

export class GroupRequests implements GroupLink {
  readonly #site: ClientSite
  readonly #admin: Admin
  readonly #directory: Directory
  readonly #groupId: string
  readonly #sessionTimeoutMs: number
  readonly #lane: Lane
  readonly #coordinator: Coordinator

  constructor(site: ClientSite, admin: Admin, directory: Directory, groupId: string, sessionTimeoutMs: number) {
    this.#site = site
    this.#admin = admin
    this.#directory = directory
    this.#groupId = groupId
    this.#sessionTimeoutMs = sessionTimeoutMs
    this.#lane = new Lane(site)
    this.#coordinator = new Coordinator(admin, directory, this.#lane, 'group', groupId)
  }

  async join(memberId: string, metadata: Buffer): Promise<JoinGroupAnswer> {
    const connection = await this.#coordinator.connection()
    const timeoutMs = this.#sessionTimeoutMs
    const args = {
      groupId: this.#groupId,
      sessionTimeout: timeoutMs,
      rebalanceTimeout: timeoutMs,
      memberId,
      protocolType: PROTOCOL_TYPE,
      groupProtocols: [{ name: PROTOCOL, metadata }],
    }
    return this.#coordinator.send(connection, 'JoinGroup', requests.JoinGroup, args, timeoutMs + JOIN_MARGIN_MS)
  }

  async sync(
    generationId: number,
    memberId: string,
    groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[],
  ): Promise<SyncGroupAnswer> {
    const connection = await this.#coordinator.connection()
    const args = { groupId: this.#groupId, generationId, memberId, groupAssignment }
    const timeoutMs = this.#sessionTimeoutMs + JOIN_MARGIN_MS
    return this.#coordinator.send(connection, 'SyncGroup', requests.SyncGroup, args, timeoutMs)
  }

  async heartbeat(groupGenerationId: number, memberId: string): Promise<CodeAnswer> {
    const connection = await this.#coordinator.connection()
    const args = { groupId: this.#groupId, groupGenerationId, memberId }
    const timeoutMs = Math.min(this.#sessionTimeoutMs, REQUEST_TIMEOUT_MS)
    return this.#coordinator.send(connection, 'Heartbeat', requests.Heartbeat, args, timeoutMs)
  }

  async leave(memberId: string): Promise<void> {
    const gone = new StreamError('closed', `left group ${this.#groupId}`)
    this.#lane.close(gone)
    if (memberId === '' || !this.#site.available || this.#site.stopped) return
    const lane = new Lane(this.#site)
    const coordinator = new Coordinator(this.#admin, this.#directory, lane, 'group', this.#groupId)
    const args = { groupId: this.#groupId, memberId }
    try {
      const connection = await coordinator.connection()
      await coordinator.send(connection, 'LeaveGroup', requests.LeaveGroup, args, LEAVE_TIMEOUT_MS)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#site.report.event('debug', 'KAFKA_GROUP_NOT_LEFT', `group ${this.#groupId}: ${message}`)
    } finally {
      lane.close(gone)
    }
  }

  moved(code: number): boolean {
    return this.#coordinator.moved(code)
  }
}
