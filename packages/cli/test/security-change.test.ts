/**
 * What clients could do and can no more: a document with other rules, users and keys that are gone, keys that rotate, an
 * issuer that is away. The whole product on real sockets; where time matters, it can be made to jump.
 */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createEngine, type Engine, loadConfig, runTask, SystemClock, type Task, type Timer } from '@zilla-ts/engine'
import type { Will } from '@zilla-ts/mqtt'
import type { ConnectOptions, MqttTestClient } from '@zilla-ts/testing'
import pino from 'pino'
import { describe, expect, it, vi } from 'vitest'
import { standard } from '../src/standard.ts'
import { type Door, Doors, documentOf, type IssuerKey, issuerKey, KEY_PASSWORD, secrets, tokenOf } from './doors.ts'
import { defer, folder } from './fixture.ts'

const NOT_AUTHORIZED = 0x87
const BAD_CREDENTIALS = 0x86
const me = { name: 'me', roles: 'own' }
const admin = { name: 'admin', roles: 'all' }
const lasting: ConnectOptions = { cleanStart: false, properties: { sessionExpirySeconds: 600 } }
const filters = (...names: readonly string[]) => names.map((filter) => ({ filter, qos: 1 as const }))
const payloads = (messages: readonly { payload: Buffer }[]) => messages.map(({ payload }) => String(payload))

/** The system's time, which can jump. */
class JumpingClock extends SystemClock {
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>()
  readonly #faults: (where: string, error: unknown) => void
  #ahead = 0

  constructor(faults: (where: string, error: unknown) => void) {
    super(faults)
    this.#faults = faults
  }

  override now(): number {
    return super.now() + this.#ahead
  }

  override monotonic(): number {
    return super.monotonic() + this.#ahead
  }

  override after(ms: number, task: Task): Timer {
    const end = (): void => {
      timer.cancel()
      this.#timers.delete(entry)
    }
    const fire = (): void => {
      end()
      runTask(task, 'timer', this.#faults)
    }
    const entry = { at: this.monotonic() + ms, fire }
    const timer = super.after(ms, { run: fire, fault: fire })
    this.#timers.add(entry)
    return { cancel: end }
  }

  jump(ms: number): void {
    this.#ahead += ms
    for (const { at, fire } of [...this.#timers]) if (at <= this.monotonic()) fire()
  }
}

const key = issuerKey('one')

/** A broker in a folder of its own, which can be started with one document after the other. */
class Broker {
  readonly doors: Doors
  clock = new JumpingClock(() => {})
  readonly #directory: string
  readonly #running: { engine: Engine | null }
  readonly #lines: string[] = []
  readonly #faults: unknown[] = []

  private constructor(directory: string, doors: Doors, running: { engine: Engine | null }) {
    this.#directory = directory
    this.doors = doors
    this.#running = running
  }

  static async create(document: string, prepare?: (doors: Doors) => Promise<void>): Promise<Broker> {
    const directory = folder()
    const running: { engine: Engine | null } = { engine: null }
    const doors = await Doors.prepare(directory, key, (door) => {
      return running.engine!.addresses().find(({ binding }) => binding === `test:tcp_${door}`)!.port
    })
    await prepare?.(doors)
    const broker = new Broker(directory, doors, running)
    defer(() => broker.#end())
    await broker.start(document)
    return broker
  }

  get output(): string {
    return this.#lines.join('')
  }

  async start(document: string): Promise<void> {
    await this.stop()
    const environment = { KEY_PASSWORD }
    const { namespaces, problems } = loadConfig({ text: document, file: 'zilla.yaml', registry: standard, environment })
    expect(problems.filter(({ level }) => level === 'error')).toEqual([])
    const logger = pino({ level: 'debug' }, { write: (line: string) => void this.#lines.push(line) })
    this.clock = new JumpingClock((where, error) => this.#faults.push([where, error]))
    const engine = createEngine({
      registry: standard,
      configs: namespaces,
      directory: this.#directory,
      properties: new Map(),
      logger,
      clock: this.clock,
    })
    this.#running.engine = engine
    await engine.start()
  }

  async stop(): Promise<void> {
    await this.#running.engine?.stop({ deadlineMs: 5_000 })
    this.#running.engine = null
  }

  /** Time that events of other processes and files need goes by, and then this much more. */
  async jumpUntil(ms: number, event: string, count: number): Promise<void> {
    this.clock.jump(ms)
    await vi.waitFor(() => expect(this.output.split(`"${event}"`)).toHaveLength(count + 1), 10_000)
    // what looks at connections does so once a second
    this.clock.jump(1_000)
  }

  async #end(): Promise<void> {
    await this.stop()
    expect(this.#faults).toEqual([])
    expect(this.output).not.toContain('ENGINE_FAULT')
    for (const secret of secrets) expect(this.output).not.toContain(secret)
  }
}

describe('another document', () => {
  const before = documentOf(JSON.stringify([key.jwk]))
  const after = before.replaceAll('"d/{id}/#"', '"e/{id}/#"')
  const will: Will = { topic: 'd/me/will', payload: Buffer.from('will'), qos: 1, retain: false, properties: null }

  it('counts for sessions from before: filters, shared ones, what is under way, what came meanwhile, wills', async () => {
    const broker = await Broker.create(before)
    const { doors } = broker
    const old = await doors.enter('tcp', me, { ...lasting, acknowledge: false, will })
    await old.subscribe(filters('d/me/#', '$share/team/d/me/s'))
    const root = await doors.enter('tcp', admin)
    await root.publish('d/me/kept', 'retained', { qos: 1, retain: true })
    await root.publish('d/me/a', 'under way', { qos: 2 })
    await old.messages(2)
    await old.disconnect()
    await root.publish('d/me/a', 'offline', { qos: 1 })
    await root.publish('d/me/s', 'shared', { qos: 1 })

    await broker.start(after)
    expect(await doors.knock('tcp', me, { ...lasting, will })).toBe(NOT_AUTHORIZED)
    const client = await doors.enter('tcp', me, lasting)
    expect(client.connack.sessionPresent).toBe(true)
    expect((await client.publish('d/me/a', 'x', { qos: 1 }))?.reasonCode).toBe(NOT_AUTHORIZED)
    const answer = await client.subscribe(filters('d/me/#', '$share/team/d/me/s', 'e/me/#'))
    expect(answer.reasonCodes).toEqual([NOT_AUTHORIZED, NOT_AUTHORIZED, 1])
    const end = async (topic: string) => {
      const admins = await doors.enter('tcp', admin)
      for (const each of ['d/me/a', 'd/me/s']) await admins.publish(each, 'live', { qos: 1 })
      await admins.publish(topic, 'end', { qos: 1 })
    }
    await end('e/me/end')
    expect(payloads(await client.messagesBefore('end'))).toEqual([])
    await client.disconnect()

    // what has ended does not come back with the permission
    await broker.start(before)
    const again = await doors.enter('tcp', me, lasting)
    expect((await again.subscribe(filters('d/me/end'))).reasonCodes).toEqual([1])
    await end('d/me/end')
    expect(payloads(await again.messagesBefore('end'))).toEqual([])
  })
})

describe('a file of passwords', () => {
  it('without a user, or with other roles or another password, ends what stood on it', async () => {
    const people = ['gone', 'demoted', 'renewed', 'kept'].map((name) => ({ name, roles: 'own' }))
    const broker = await Broker.create(documentOf(JSON.stringify([key.jwk])), async (doors) => {
      for (const who of [...people, admin]) await doors.addUser(who)
    })
    const { doors } = broker
    const clients: MqttTestClient[] = []
    for (const who of people) {
      const will: Will = {
        topic: `d/${who.name}/will`,
        payload: Buffer.from('will'),
        qos: 1,
        retain: false,
        properties: null,
      }
      clients.push(await doors.enter('password', who, { will }))
    }
    const root = await doors.enter('password', admin)
    await root.subscribe(filters('#'))
    const file = join(doors.directory, 'passwords')
    const lines = readFileSync(file, 'utf8').split('\n')
    const line = (name: string) => lines.find((each) => each.startsWith(`${name}:`))!
    const hashOf = (name: string) => line(name).split(':')[1]!
    const changed = [
      line('demoted').replace(':own', ':other'),
      line('renewed').replace(hashOf('renewed'), hashOf('gone')),
      line('kept'),
      line('admin'),
    ]
    writeFileSync(file, `${changed.join('\n')}\n`)
    await broker.jumpUntil(5_000, 'PASSWORD_FILE_READ', 2)
    const ends = clients.slice(0, 3).map((client) => client.closed())
    expect(await Promise.all(ends)).toEqual([NOT_AUTHORIZED, NOT_AUTHORIZED, NOT_AUTHORIZED])
    await clients[3]?.ping()
    await root.publish('end', 'end', { qos: 1 })
    expect(payloads(await root.messagesBefore('end'))).toEqual([])
    const answers = [BAD_CREDENTIALS, NOT_AUTHORIZED, BAD_CREDENTIALS, 0]
    for (const [at, who] of people.entries()) expect(await doors.knock('password', who)).toBe(answers[at])
  })
})

describe('an issuer that serves its keys', () => {
  const next = issuerKey('two')
  let served: readonly object[] | null = [key.jwk]

  async function issuer(): Promise<string> {
    const server = createServer((_request, response) => {
      if (served === null) response.writeHead(503).end()
      else response.end(JSON.stringify({ keys: served }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    defer(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    return documentOf(`"${url}", refreshSeconds: 600`)
  }

  /** The reason code for a token of this key that does not end during a test. */
  const knock = async ({ doors }: Broker, of: IssuerKey, name: string): Promise<number> => {
    const token = await tokenOf(of, { name, roles: 'own' }, { seconds: 86_400 })
    return doors.knock('tcp', { name, roles: 'own' }, {}, token)
  }

  it('rotates them: a new one counts when it is shown, one that is gone ends what stood on it', async () => {
    served = [key.jwk]
    const broker = await Broker.create(await issuer())
    const enter = async (of: IssuerKey, name: string, door: Door) => {
      const who = { name, roles: 'own' }
      return broker.doors.enter(door, who, {}, await tokenOf(of, who, { seconds: 86_400 }))
    }
    const old = [await enter(key, 'a', 'tcp'), await enter(key, 'b', 'web'), await enter(key, 'c', 'both')]
    expect(await knock(broker, next, 'early')).toBe(BAD_CREDENTIALS)
    served = [key.jwk, next.jwk]
    broker.clock.jump(30_000)
    const fresh = await enter(next, 'fresh', 'tcp')
    for (const client of old) await client.ping()
    served = [next.jwk]
    await broker.jumpUntil(600_000, 'JWKS_READ', 3)
    expect(await Promise.all(old.map((client) => client.closed()))).toEqual(old.map(() => NOT_AUTHORIZED))
    await fresh.ping()
    expect(await knock(broker, key, 'late')).toBe(BAD_CREDENTIALS)
    expect(await knock(broker, next, 'late')).toBe(0)
  })

  it('is away: who shows a token waits for better times, other guards go on; later its last keys count', async () => {
    served = null
    const broker = await Broker.create(await issuer(), (doors) => doors.addUser(me))
    expect(await knock(broker, key, 'a')).toBe(0x88)
    expect(await broker.doors.knock('password', me)).toBe(0)
    served = [key.jwk]
    await broker.jumpUntil(5_000, 'JWKS_READ', 1)
    expect(await knock(broker, key, 'a')).toBe(0)
    served = null
    const failures = broker.output.split('"JWKS_UNAVAILABLE"').length
    await broker.jumpUntil(600_000, 'JWKS_UNAVAILABLE', failures)
    expect(await knock(broker, key, 'b')).toBe(0)
    expect(await knock(broker, next, 'b')).toBe(BAD_CREDENTIALS)
  })
})
