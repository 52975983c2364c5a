/**
 * The connections of one purpose, one per broker: a broker answers a connection in order, so a produce must not queue
 * behind an idle fetch. Shares an attempt among all who ask; how often to try is up to them.
 */
import { StreamError } from '@zilla-ts/engine'
import { BrokerConnection } from './connection.ts'
import type { ClientSite } from './site.ts'

export class Lane {
  readonly #site: ClientSite
  readonly #all = new Set<BrokerConnection>()
  readonly #open = new Map<string | null, BrokerConnection>()
  readonly #opening = new Map<string | null, Promise<BrokerConnection>>()
  #closed: StreamError | null = null

  constructor(site: ClientSite) {
    this.#site = site
    site.lanes.add(this)
  }

  /** The open connection to `host:port` (null: the address the exit knows), or a new one. */
  connection(address: string | null): Promise<BrokerConnection> {
    const open = this.#open.get(address)
    if (open !== undefined) return Promise.resolve(open)
    let opening = this.#opening.get(address)
    if (opening === undefined) {
      opening = this.#connect(address).finally(() => this.#opening.delete(address))
      this.#opening.set(address, opening)
    }
    return opening
  }

  async #connect(address: string | null): Promise<BrokerConnection> {
    if (this.#closed !== null) throw this.#closed
    if (this.#site.stopped) throw new StreamError('shutdown', `${this.#site.name} is stopped`)
    const refusal = this.#site.refusals.current(address)
    if (refusal !== null) throw refusal
    const connection = new BrokerConnection(this.#site, address, (closed) => {
      this.#all.delete(closed)
      if (this.#open.get(address) === closed) this.#open.delete(address)
    })
    this.#all.add(connection)
    await connection.open()
    this.#open.set(address, connection)
    return connection
  }

  /** For good. */
  close(error: StreamError): void {
    this.#closed ??= error
    this.#site.lanes.delete(this)
    for (const connection of [...this.#all]) connection.close(error)
  }
}
