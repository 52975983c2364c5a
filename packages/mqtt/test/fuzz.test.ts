/**
 * Random and mutated packets on one connection after the other, while a healthy client beside them must not notice, and a
 * next hop that answers at random. The seed is fixed; another one is given by FUZZ_SEED, more rounds by FUZZ_ROUNDS.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { type ErrorCode, type Stream, StreamError } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, parseWireScripts, Recorder, wireBytes } from '@zilla-ts/testing'
import { expect, test } from 'vitest'
import { mqtt } from '../src/binding.ts'
import { Message } from '../src/message.ts'
import type { MqttConfig } from '../src/mqtt.config.ts'
import type { Capabilities, Mqtt, MqttSignal, Qos, Subscription } from '../src/stream.ts'
import { CAPABILITIES, defaultOptions, outgoing } from './wire-peer.ts'

const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261)
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1_500)
const ABLE: Capabilities = { ...CAPABILITIES, maximumQos: 2, sharedAvailable: true, expirySecondsMax: 100 }
const OPTIONS = { noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 } as const
const STORED: readonly Subscription[] = ['a', '+', '$share/g/a'].map((filter) => ({ filter, qos: 2, ...OPTIONS }))
const CODES: readonly ErrorCode[] = ['not-authorized', 'invalid', 'quota', 'too-large', 'unavailable', 'taken-over']

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Everything that clients send in the wire scripts. */
function corpus(): Buffer[] {
  const folder = new URL('./wire/', import.meta.url)
  const files = readdirSync(folder).filter((name) => name.endsWith('.wire'))
  const scripts = files.flatMap((name) => parseWireScripts(readFileSync(new URL(name, folder), 'utf8')))
  const lines = scripts.flatMap(({ steps }) => steps.filter(({ verb }) => verb === '>'))
  return lines.map(({ rest }) => wireBytes(rest)).filter(({ length }) => length < 1_000)
}

class Fuzz {
  readonly clock = new FakeClock()
  readonly pick: (below: number) => number
  readonly harness: Harness<MqttConfig, Bytes, Mqtt>
  readonly #corpus = corpus()
  #calm = true

  constructor(seed: number) {
    this.pick = random(seed)
    const { versions, limits } = defaultOptions()
    const options = { versions, limits: { ...limits, queueBytes: 4_096, receiveMaximum: 8, subscriptions: 5 } }
    this.harness = new Harness(mqtt as never, { kind: 'server', clock: this.clock, options })
    this.harness.exit.onOpen = (open, stream, recorder) => {
      const calm = this.#calm
      const pick = this.pick
      if (!calm && pick(30) === 0) return false
      if (open.kind === 'session') {
        const sessionPresent = !calm && pick(3) === 0
        const subscriptions = sessionPresent ? STORED.slice(pick(4)) : []
        const capabilities = { ...ABLE, sessionPresent }
        if (calm || pick(10) > 0) stream.accept({ kind: 'session', capabilities, subscriptions })
        if (!calm && pick(20) === 0) stream.signal({ kind: 'redirect', reference: 'x:1', permanent: pick(2) === 0 })
        return true
      }
      stream.accept({ kind: open.kind })
      stream.grant(calm ? 1_000_000 : pick(300))
      recorder.refill = calm || pick(2) === 0
      let written = 0
      recorder.onData = (payload, _meta, cost) => {
        written++
        if (recorder.refill) stream.grant(cost)
        if (calm || pick(3) > 0) stream.ack(written)
        else if (pick(3) === 0) stream.ack(written, new StreamError(this.#code(), 'fuzz'))
        if (!calm && payload.length > 2 && pick(8) === 0) stream.abort(new StreamError(this.#code(), 'fuzz'))
      }
      recorder.onSignal = (signal) => {
        if (signal.kind === 'pubrel' || signal.kind === 'acknowledge') this.#answer(stream, signal, calm)
        const count =
          signal.kind === 'subscribe'
            ? signal.subscriptions.length
            : signal.kind === 'unsubscribe'
              ? signal.filters.length
              : 0
        if (count === 0 || (!calm && pick(5) === 0)) return
        const reasonCodes = Array.from({ length: calm ? count : pick(count + 2) }, () => (calm ? 1 : pick(256)))
        stream.signal({ kind: signal.kind === 'subscribe' ? 'subscribed' : 'unsubscribed', reasonCodes })
        if (!calm) this.#deliver(stream)
      }
      return true
    }
  }

  /** Goes on with an exchange of QoS 2; when not calm, not always and not always with the right one. */
  #answer(stream: Stream<Mqtt>, signal: Extract<MqttSignal, { packetId: number }>, calm: boolean): void {
    const { pick } = this
    if (!calm && pick(4) === 0) return
    const packetId = calm || pick(8) > 0 ? signal.packetId : pick(65_536)
    const reasonCode = calm || pick(4) > 0 ? 0 : 0x92
    if (signal.kind === 'pubrel') stream.signal({ kind: 'pubcomp', packetId, reasonCode })
    else if (signal.kind === 'acknowledge' && signal.type === 'pubrec') {
      stream.signal({ kind: 'pubrel', packetId, reasonCode })
    }
    if (!calm && pick(20) === 0) stream.signal({ kind: 'pubcomp', packetId, reasonCode })
  }

  #code(): ErrorCode {
    return CODES[this.pick(CODES.length)]!
  }

  #deliver(stream: Stream<Mqtt>): void {
    const { pick } = this
    for (let left = pick(20); left > 0 && stream.writable; left--) {
      const expiresAt = pick(5) === 0 ? this.clock.now() + pick(3) - 1 : Number.POSITIVE_INFINITY
      const message = new Message('a/topic'.slice(pick(6)), Buffer.alloc(pick(400)), null, expiresAt, true)
      const delivery = message.delivery(pick(3) as Qos, pick(2) === 0)
      stream.write(message.payload, outgoing(delivery, pick(10), pick(3) === 0))
    }
  }

  client(refill: boolean, room: number): Recorder<Bytes> {
    const client = new Recorder<Bytes>(refill)
    const stream = this.harness.connect({}, client)
    if (stream === null) throw new Error('refused')
    stream.grant(room)
    return client
  }

  /** Sends as far as it may. */
  send(client: Recorder<Bytes>, bytes: Buffer): void {
    for (let at = 0; at < bytes.length && client.stream?.writable; ) {
      const end = Math.min(bytes.length, at + 1 + this.pick(40))
      client.stream.write(bytes.subarray(at, end), undefined)
      at = end
    }
  }

  #mutated(): Buffer {
    const { pick } = this
    const bytes = Buffer.from(this.#corpus[pick(this.#corpus.length)]!)
    for (let changes = pick(4); changes > 0 && bytes.length > 0; changes--) bytes[pick(bytes.length)] = pick(256)
    return pick(5) === 0 ? bytes.subarray(0, pick(bytes.length + 1)) : bytes
  }

  /** One hostile connection from its start to its end. */
  round(): void {
    const { pick } = this
    this.#calm = false
    const client = this.client(pick(4) > 0, pick(4) === 0 ? pick(300) : 100_000)
    if (pick(10) > 0) this.send(client, wireBytes([CONNECT_4, CONNECT_5, CONNECT_5_ALIASES][pick(3)]!))
    for (let packets = pick(12); packets > 0; packets--) {
      this.send(
        client,
        pick(10) === 0 ? Buffer.from(Array.from({ length: pick(60) }, () => pick(256))) : this.#mutated(),
      )
      if (pick(6) === 0) client.stream?.grant(pick(200))
      if (pick(10) === 0) this.clock.advance(pick(4_000))
    }
    if (pick(2) === 0) client.stream?.end()
    else client.stream?.abort(new StreamError('closed', 'fuzz'))
    this.#calm = true
  }
}

const CONNECT_4 = "10 { 'MQTT' 04 02 0000 'c1' }"
const CONNECT_5 = "10 { 'MQTT' 05 02 0000 {} 'c1' }"
const CONNECT_5_ALIASES = "10 { 'MQTT' 05 00 0000 { 11 0000000a 21 0003 22 0003 27 00000100 } 'c1' }"

test(`hostile clients hurt nobody else, seed ${SEED}`, () => {
  const fuzz = new Fuzz(SEED)
  const healthy = fuzz.client(true, 1_000_000)
  fuzz.send(healthy, wireBytes(CONNECT_4))
  for (let round = 0; round < ROUNDS; round++) {
    fuzz.round()
    healthy.data.length = 0
    fuzz.send(healthy, wireBytes("32 { 'h' 0007 78 } 34 { 'h' 0008 78 } 62 { 0008 } c000"))
    const answers = Buffer.concat(healthy.data.map(({ payload }) => payload)).toString('hex')
    if (answers !== '400200075002000870020008d000') throw new Error(`round ${round}: the healthy client got ${answers}`)
    if (fuzz.harness.reporter.faults.length > 0) throw fuzz.harness.reporter.faults[0]!.error
  }
  fuzz.clock.advance(120_000)
  expect(fuzz.clock.faults).toEqual([])
  expect(fuzz.harness.reporter.faults).toEqual([])
  expect(healthy.ended).toBe(false)
  expect(fuzz.harness.reporter.counters.get('mqtt.connections.active')?.value).toBe(1)
})
