import { type Session, StreamError } from '@zilla-ts/engine'
import { partitionHash } from '@zilla-ts/kafka'
import { describe, expect, it } from 'vitest'
import { Rig } from './rig.ts'

/** The records of the sessions topic: client id and what happened. */
function log(rig: Rig): { key: string; k: string; reason?: string; code?: number }[] {
  return rig.kafka.topic('sessions').records.map(({ key, value }) => ({
    key: key!.toString(),
    ...JSON.parse(value!.toString()),
  }))
}

describe('session', () => {
  it('claims, accepts once the claim is stored, and closes on the same key', async () => {
    const rig = await Rig.started()
    const sessions = rig.kafka.topic('sessions')
    sessions.held = true
    const session = rig.session('client-1')
    rig.clock.turn()
    sessions.store()
    rig.clock.turn()
    // Nothing is confirmed before it is read back.
    expect(session.accepts).toEqual([])
    sessions.deliver()
    rig.clock.turn()
    expect(session.accepts).toEqual([
      {
        kind: 'session',
        capabilities: {
          sessionPresent: false,
          maximumQos: 2,
          retainAvailable: true,
          wildcardAvailable: true,
          subscriptionIdsAvailable: true,
          sharedAvailable: true,
          expirySecondsMax: 0xffff_ffff,
          willAvailable: true,
          maximumPacketSize: 1_000_000 - 4096,
        },
        subscriptions: [],
      },
    ])
    sessions.held = false
    session.stream!.signal({ kind: 'disconnect', reasonCode: 0, expirySeconds: null })
    session.stream!.end()
    rig.clock.turn()
    const [claim, closed] = log(rig)
    expect(claim).toMatchObject({ v: 1, k: 'claim', clean: true, expiry: 0, ver: 5, at: rig.clock.now() })
    expect(closed).toMatchObject({ k: 'closed', reason: 'normal', code: 0, will: 'none', key: claim!.key })
    expect(claim!.key).toMatch(/^client-1#e#[a-z2-7]{10}\.1$/)
    expect(session.ended).toBe(true)
    expect(rig.binding.usage).toMatchObject({ sessions: 0 })
  })

  it.each([
    [4, 'abnormal', 4],
    [null, 'abnormal', undefined],
  ])('records DISCONNECT %s as %s', async (reasonCode, reason, code) => {
    const rig = await Rig.started()
    rig.client('c').disconnect(reasonCode)
    rig.clock.turn()
    expect(log(rig)[1]).toMatchObject({ k: 'closed', reason })
    expect(log(rig)[1]!.code).toBe(code)
  })

  it('has ended as its client said, whatever closes it while its last publish is under way [MQTT-3.14.4-3]', async () => {
    const rig = await Rig.started()
    const will = { topic: 'w', payload: Buffer.from('will'), qos: 1, retain: false, properties: null } as const
    const client = rig.client('c', { will })
    rig.kafka.topic('messages').held = true
    client.publish('a', 'last', 2)
    client.disconnect()
    rig.clock.turn()
    rig.client('c')
    const values = rig.kafka.topic('sessions').records.flatMap(({ value }) => (value === null ? [] : String(value)))
    const closed = values.map((value) => JSON.parse(value)).filter(({ k }) => k === 'closed')
    expect(closed).toMatchObject([{ reason: 'normal', code: 0, will: 'none' }])
    rig.kafka.topic('messages').held = false
    while (rig.kafka.topic('messages').store()) {}
    rig.clock.advance(60_000)
    expect(rig.kafka.topic('messages').records.map(({ value }) => String(value))).toEqual(['last'])
  })

  it('partitions by client id', async () => {
    const rig = new Rig({ bare: true, options: { create: { partitions: 7 } } })
    await rig.start()
    for (let at = 0; at < 50; at++) rig.session(`c${at}`)
    rig.clock.turn()
    rig.kafka.topic('sessions').partitions.forEach((records, partition) => {
      for (const { key } of records) {
        const clientId = key!.toString().split('#')[0]!
        expect(partitionHash(Buffer.from(clientId)) % 7).toBe(partition)
      }
    })
  })

  it('gives the client id to the latest connection, and ends all streams of the former one', async () => {
    const rig = await Rig.started()
    const first = rig.client('c')
    first.subscribe('a')
    rig.clock.turn()
    const second = rig.client('c')
    for (const recorder of [first.session, first.publisher, first.subscriber]) {
      expect(recorder.aborted?.code).toBe('taken-over')
    }
    expect(second.session.accepts).toHaveLength(1)
    expect(log(rig).map(({ k, reason }) => reason ?? k)).toEqual(['claim', 'takeover', 'claim'])
    first.publisher.stream!.end()
    second.publish('a', 'x')
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    expect(rig.binding.usage).toMatchObject({ sessions: 1, subscriptions: 0, nodes: 0 })
  })

  it('leaves one owner of 10,000 that race', async () => {
    const rig = await Rig.started()
    const racers = Array.from({ length: 10_000 }, () => rig.session('c'))
    rig.clock.turn()
    expect(racers.filter(({ aborted }) => aborted === null).map((racer) => racers.indexOf(racer))).toEqual([9_999])
    expect(racers.filter(({ accepts }) => accepts.length > 0).map((racer) => racers.indexOf(racer))).toEqual([9_999])
    expect(rig.binding.usage).toMatchObject({ sessions: 1, layer: 1 })
    expect(rig.faults()).toEqual([])
  })

  it('refuses publish and subscribe streams without a session', async () => {
    const rig = await Rig.started()
    expect(rig.open({ kind: 'publish', clientId: 'x', version: 4 }).stream).toBeNull()
    expect(rig.open({ kind: 'subscribe', clientId: 'x', version: 4, resume: [] }).stream).toBeNull()
  })

  it('refuses a client that no route permits', async () => {
    const rig = await Rig.started({ routes: [{ permits: () => false }] })
    const session = rig.session('c')
    rig.clock.turn()
    expect(session.aborted?.code).toBe('not-authorized')
    expect(rig.kafka.topic('sessions').records).toEqual([])
  })

  describe('of an identity', () => {
    const who = (identity: string, ...roles: string[]): Session => ({
      guard: 'test:g',
      earlier: null,
      identity,
      roles,
      attributes: {},
      expiresAt: null,
    })

    it('is kept with what the guard has found out, never with what was shown', async () => {
      const rig = await Rig.started()
      const owner = rig.session('c', { expirySeconds: 60, username: 'Bearer secret' }, who('me'))
      rig.clock.turn()
      expect(owner.aborted).toBeNull()
      const thieves = [who('you'), null, { ...who('me'), guard: 'test:other' }].map((each) =>
        rig.session('c', {}, each),
      )
      rig.clock.turn()
      expect(thieves.map(({ aborted }) => aborted?.code)).toEqual(Array(3).fill('not-authorized'))
      expect(owner.aborted).toBeNull()
      const values = rig.kafka.topic('sessions').records.map(({ value }) => String(value))
      expect(values.join()).not.toContain('secret')
      expect(JSON.parse(values[0]!)).toMatchObject({ k: 'claim', owner: 'test:g/me' })
    })

    it('is named in as few bytes as others', async () => {
      const rig = await Rig.started()
      const names = ['x', 'y'].map((end) => `${'long'.repeat(2_000)}${end}`)
      rig.session('c', { expirySeconds: 60 }, who(names[0]!))
      rig.clock.turn()
      const [other, same] = [rig.session('c', {}, who(names[1]!)), rig.session('c', {}, who(names[0]!))]
      rig.clock.turn()
      expect([other.aborted?.code, same.aborted]).toEqual(['not-authorized', null])
      expect(rig.kafka.topic('sessions').records[0]!.value!.length).toBeLessThan(300)
    })

    it('ends when fresh credentials permit other routes, for open streams keep theirs', async () => {
      const permits = (session: Session | null) => session?.roles.includes('staff') === true
      const rig = await Rig.started({ routes: [{ permits, with: { messages: 'messages', expiry: false } }, {}] })
      const session = rig.session('c', {}, who('me', 'staff'))
      rig.clock.turn()
      session.stream?.signal({ kind: 'reauthorized', session: who('me', 'staff', 'more') })
      expect(session.aborted).toBeNull()
      session.stream?.signal({ kind: 'reauthorized', session: who('me', 'more') })
      expect(session.aborted?.code).toBe('not-authorized')
    })
  })

  it('tells a client whose claim is refused', async () => {
    const rig = await Rig.started()
    rig.kafka.topic('sessions').refusal = new StreamError('too-large', 'too large')
    const session = rig.session('c')
    rig.clock.turn()
    expect(session.aborted?.code).toBe('too-large')
    expect(rig.binding.usage).toMatchObject({ sessions: 0 })
  })

  it('refuses new connections and tells those there are while Kafka is away', async () => {
    const rig = await Rig.started()
    const here = rig.session('here')
    rig.clock.turn()
    rig.kafka.setAvailable(false)
    expect(here.signals).toEqual([{ kind: 'available', available: false }])
    const late = rig.session('late')
    rig.clock.turn()
    expect(late.aborted?.code).toBe('unavailable')
    rig.kafka.setAvailable(true)
    expect(here.signals.at(-1)).toEqual({ kind: 'available', available: true })
    const again = rig.session('again')
    rig.clock.turn()
    expect(again.accepts).toHaveLength(1)
  })

  it('comes back when the produce stream of the sessions topic breaks', async () => {
    const rig = await Rig.started()
    rig.kafka.topic('sessions').held = true
    const waiting = rig.session('waiting')
    rig.clock.turn()
    rig.kafka.away = new StreamError('unavailable', 'gone')
    rig.kafka.abort('sessions', rig.kafka.away)
    rig.kafka.topic('sessions').held = false
    // Whether its claim is stored is not known; it is told in time all the same.
    rig.clock.advance(31_000)
    expect(waiting.aborted?.code).toBe('unavailable')
    const late = rig.session('late')
    rig.clock.turn()
    expect(late.aborted?.code).toBe('unavailable')
    rig.kafka.away = null
    rig.clock.advance(10_000)
    const again = rig.session('again')
    rig.clock.turn()
    expect(again.accepts).toHaveLength(1)
    expect(rig.faults()).toEqual([])
  })

  it('drains when the last session has closed, and takes no new one', async () => {
    const rig = await Rig.started()
    const client = rig.client('c')
    let drained = false
    const draining = rig.binding.drain().then(() => {
      drained = true
    })
    expect(rig.open({ kind: 'subscribe', clientId: 'c', version: 5, resume: [] }).stream).toBeNull()
    await Promise.resolve()
    expect(drained).toBe(false)
    client.disconnect()
    rig.clock.turn()
    await draining
    await rig.binding.stop()
    await rig.binding.stop()
    expect(rig.clock.pending).toBe(0)
  })
})
