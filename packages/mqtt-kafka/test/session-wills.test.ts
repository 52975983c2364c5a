/** Scenarios of session ownership: wills, and the end of sessions. The numbers are those of the design's list. */
import { StreamError } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { deadAfterMs, endedRetentionMs, graceMs, NEVER, SessionRig, skewMs } from './session-rig.ts'

const SECOND = 1000

/** Two instances; the first holds the partition, clients are on the second unless a test says otherwise. */
function pair() {
  const rig = new SessionRig()
  const holder = rig.start('holder')
  const b = rig.start('b')
  return { rig, holder, b }
}

describe('wills', () => {
  it.each([
    ['delay 0', { will: 0 }, 0],
    ['delay 5 s', { will: 5 }, 5 * SECOND + skewMs],
    ['delay longer than the session', { will: 50, expiry: 20 }, 20 * SECOND + skewMs],
    ['a session that ends with its connection', { will: 5, expiry: 0 }, 0],
    ['a session that never ends', { will: 5, expiry: NEVER }, 5 * SECOND + skewMs],
  ])('16: the socket is lost: %s', (_what, options, afterMs) => {
    const { rig, b } = pair()
    b.connected('c', options).close('abnormal')
    rig.turn()
    if (afterMs > 0) {
      rig.advance(afterMs - 1)
      expect(rig.wills).toEqual([])
      rig.advance(1)
    }
    expect(rig.wills).toEqual(['will of c'])
    rig.advance(100 * SECOND)
    expect(rig.wills).toHaveLength(1)
    expect(rig.faults).toEqual([])
  })

  it('17: DISCONNECT 0x00 removes the will, 0x04 does not', () => {
    const { rig, b } = pair()
    b.connected('normal', { will: 0 }).close('normal')
    b.connected('with', { will: 0 }).handle.close('abnormal', 4, null)
    rig.turn()
    expect(rig.wills).toEqual(['will of with'])
    const closed = rig.log.filter(({ value }) => value?.['k'] === 'closed').map(({ value }) => value)
    expect(closed).toMatchObject([
      { reason: 'normal', code: 0, will: 'none' },
      { reason: 'abnormal', code: 4, will: 'due' },
    ])
  })

  it('17: the expiry of DISCONNECT counts for the session and caps the delay', () => {
    const { rig, b } = pair()
    b.connected('c', { will: 50 }).close('abnormal', 10)
    rig.turn()
    rig.advance(10 * SECOND + skewMs)
    expect(rig.wills).toEqual(['will of c'])
    expect(b.connected().present).toBe(false)
  })

  it('18: a connection before the fire record makes the will void', () => {
    const { rig, holder, b } = pair()
    const c = b.connected('c', { will: 5 })
    c.save('x')
    rig.turn()
    c.close()
    rig.turn()
    holder.holdWrites()
    rig.advance(5 * SECOND + skewMs)
    const back = b.connected()
    expect(back).toMatchObject({ up: true, present: true, state: { x: 1 } })
    holder.release()
    expect(rig.story).toContain('fire')
    rig.advance(20 * SECOND)
    expect(rig.wills).toEqual([])
    back.save('y')
    rig.turn()
    expect(rig.story.slice(-3)).toEqual(['-w', 'live', '-e'])
  })

  it('18: a connection behind it finds the will fired once, and resumes', () => {
    const { rig, b } = pair()
    const c = b.connected('c', { will: 5 })
    c.save('x')
    rig.turn()
    c.close()
    b.holdWrites()
    rig.turn()
    b.release()
    rig.advance(5 * SECOND + skewMs - 1)
    b.holdWrites()
    const back = b.connect()
    rig.advance(1)
    b.release()
    expect(rig.wills).toEqual(['will of c'])
    expect(back).toMatchObject({ up: true, present: true, state: { x: 1 } })
    rig.advance(20 * SECOND)
    expect(rig.wills).toHaveLength(1)
  })

  it('19: a clean start fires a pending will', () => {
    const { rig, b } = pair()
    b.connected('c', { will: 500 }).close()
    rig.turn()
    expect(b.connected('c', { clean: true }).present).toBe(false)
    rig.turn()
    expect(rig.wills).toEqual(['will of c'])
  })

  it('19: a clean start fires an armed will, once', () => {
    const { rig, holder, b } = pair()
    const first = b.connected('c', { will: 500 })
    const second = holder.connected('c', { clean: true })
    expect(first.lost?.code).toBe('taken-over')
    expect(second.up).toBe(true)
    expect(rig.wills).toEqual(['will of c'])
    second.save('x')
    rig.turn()
    rig.advance(600 * SECOND)
    expect(rig.wills).toHaveLength(1)
  })

  it('a takeover fires a will without delay, and cancels one with', () => {
    const { rig, holder, b } = pair()
    b.connected('now', { will: 0 })
    b.connected('later', { will: 5 })
    const successors = [holder.connected('now'), holder.connected('later')]
    expect(successors.every(({ up }) => up)).toBe(true)
    expect(rig.wills).toEqual(['will of now'])
    for (const successor of successors) successor.save('x')
    rig.advance(20 * SECOND)
    expect(rig.wills).toHaveLength(1)
    expect(rig.faults).toEqual([])
  })

  it('20: the holder dies between the fire record and the transaction', () => {
    const { rig, holder, b } = pair()
    b.connected('c', { will: 5 }).close()
    rig.turn()
    rig.kafka.transactions.hold = 'records'
    rig.advance(5 * SECOND + skewMs)
    expect(rig.story.at(-1)).toBe('fire')
    holder.kill()
    rig.kafka.transactions.resume()
    rig.advance(30 * SECOND)
    expect(rig.wills).toEqual(['will of c'])
  })

  it('20: the holder dies inside the transaction', () => {
    const { rig, holder, b } = pair()
    b.connected('c', { will: 0 }).close()
    rig.kafka.transactions.hold = 'markers'
    rig.turn()
    holder.kill()
    rig.advance(1)
    rig.kafka.transactions.resume()
    rig.advance(30 * SECOND)
    expect(rig.messages.partitions[0]!.filter(({ marker }) => marker === undefined)).toHaveLength(2)
    expect(rig.wills).toEqual(['will of c'])
  })

  it('20: the holder dies behind the commit, before it has read it', () => {
    const { rig, holder, b } = pair()
    b.connected('c', { will: 0 }).close()
    holder.holdReads()
    rig.kafka.transactions.hold = 'answer'
    rig.turn()
    holder.release()
    holder.kill()
    rig.kafka.transactions.resume()
    rig.advance(30 * SECOND)
    expect(rig.wills).toEqual(['will of c'])
    expect(b.layer.usage.wills).toBe(0)
  })

  it('20: an outcome that is not known is learnt from the log under a new term', () => {
    const { rig, holder, b } = pair()
    b.connected('c', { will: 0 }).close()
    rig.kafka.transactions.hold = 'answer'
    rig.turn()
    const [transaction] = rig.kafka.transactions.held
    transaction!.fail(new StreamError('timeout', 'unknown'))
    rig.kafka.transactions.hold = null
    rig.advance(10 * SECOND)
    expect(rig.wills).toEqual(['will of c'])
    expect(holder.layer.usage.wills).toBe(0)
  })

  it('21: of two holders the earlier one is fenced with its open transaction', () => {
    const { rig, b } = pair()
    b.connected('c', { will: 0 }).close()
    rig.kafka.transactions.hold = 'markers'
    rig.turn()
    rig.kafka.transactions.hold = null
    rig.kafka.group('zilla-ts.sessions').assign(b.id, [0])
    rig.turn()
    expect(rig.wills).toEqual(['will of c'])
    rig.kafka.transactions.resume()
    rig.advance(30 * SECOND)
    expect(rig.wills).toHaveLength(1)
    expect(rig.faults).toEqual([])
  })

  it('22: two due wills of one client id are fired once each', () => {
    const { rig, holder, b } = pair()
    rig.kafka.transactions.hold = 'records'
    b.connected('c', { will: 0, payload: 'one' }).close()
    rig.turn()
    b.connected('c', { will: 0, payload: 'two' }).close()
    rig.turn()
    holder.holdReads()
    rig.kafka.transactions.resume()
    rig.turn()
    // Neither tombstone is read: what it is told of the client id meanwhile makes it begin nothing again.
    rig.sessions.deliver(1, 'holder')
    rig.turn()
    expect(rig.wills).toEqual(['one', 'two'])
    holder.release()
    expect(holder.layer.usage.wills).toBe(0)
    rig.advance(30 * SECOND)
    expect(rig.wills).toHaveLength(2)
  })

  it('23: a first record composed between the will and the claim of the next epoch leaves that will alone', () => {
    const { rig, holder, b } = pair()
    const first = b.connected('c', { will: 0, payload: 'first' })
    holder.holdWrites()
    const second = holder.connect('c', { will: 0, payload: 'second' })
    rig.turn()
    // Only the will of the second has landed when the first writes its first record.
    holder.store()
    first.save('x')
    rig.turn()
    expect(rig.story).toEqual(['w', 'claim', 'w', 'live'])
    holder.release()
    expect(second.up).toBe(true)
    second.save('y')
    rig.turn()
    expect(second.stored).toEqual(['y'])
    expect(rig.wills).toEqual(['first'])
    second.close()
    rig.turn()
    expect(rig.wills).toEqual(['first', 'second'])
  })

  it('23: a will whose claim is still to land is spared by an owner between the two', () => {
    const { rig, holder, b } = pair()
    holder.holdWrites()
    const late = holder.connect('c', { will: 0, payload: 'late', clean: true })
    rig.turn()
    holder.store()
    const owner = b.connected('c')
    owner.save('x')
    rig.turn()
    expect(rig.story).toEqual(['w', 'claim', 'live'])
    expect(rig.log.at(-1)!.value).toMatchObject({ spared: [`${holder.id}.1`] })
    rig.advance(10 * SECOND)
    expect(rig.wills).toEqual([])
    holder.release()
    expect(owner.lost?.code).toBe('taken-over')
    expect(late.up).toBe(true)
    late.close()
    rig.turn()
    expect(rig.wills).toEqual(['late'])
    rig.advance(endedRetentionMs)
    expect(rig.wills).toEqual(['late'])
  })

  it('23: a will whose claim never lands is removed when it is far too old, and never published', () => {
    const { rig, holder, b } = pair()
    holder.holdWrites()
    holder.connect('c', { will: 0 })
    rig.turn()
    holder.store()
    const owner = b.connected('c')
    owner.save('x')
    rig.turn()
    owner.close()
    rig.advance(endedRetentionMs + SECOND)
    b.connected('c').save('y')
    rig.turn()
    expect(rig.story.slice(-3)).toEqual(['-w', 'live', '-e'])
    expect(rig.wills).toEqual([])
  })

  it('an owner whose will somebody has removed drops its client, which must connect again to have one', () => {
    const { rig, b } = pair()
    const c = b.connected('c', { will: 0 })
    rig.sessions.append(`c#w#${b.id}.1`, null)
    rig.turn()
    expect(c.lost?.code).toBe('unavailable')
    expect(b.connected('c', { will: 0 })).toMatchObject({ up: true, present: true })
  })

  it('24: a retained will is on both topics or on none', () => {
    const { rig, b } = pair()
    rig.kafka.transactions.hold = 'markers'
    b.connected('c', { will: 0, retain: true }).close()
    rig.turn()
    expect([rig.wills, rig.retainedWills]).toEqual([[], []])
    rig.kafka.transactions.resume()
    expect([rig.wills, rig.retainedWills]).toEqual([['will of c'], ['will of c']])
    expect(rig.kafka.transactions.sizes).toEqual([3])
  })

  it('25: the wills of an instance that is killed are fired once each, many in a transaction', () => {
    const { rig, holder, b } = pair()
    const clients = Array.from({ length: 2_000 }, (_, n) => b.connect(`c${n}`, { will: 0 }))
    rig.turn()
    expect(clients.every(({ up }) => up)).toBe(true)
    b.kill()
    rig.advance(deadAfterMs)
    rig.turn()
    expect(new Set(rig.wills).size).toBe(2_000)
    expect(rig.wills).toHaveLength(2_000)
    expect(rig.kafka.transactions.sizes.length).toBeLessThan(20)
    expect(Math.max(...rig.kafka.transactions.sizes)).toBeLessThanOrEqual(1_000)
    expect(holder.layer.usage.wills).toBe(0)
    expect(rig.faults).toEqual([])
  })

  it('a will that can never be published is said so and removed, and holds up no other', () => {
    const { rig, holder, b } = pair()
    rig.kafka.transactions.refuses = ({ payload }) => payload.toString() === 'too large'
    b.connect('bad', { will: 0, payload: 'too large' })
    for (let n = 0; n < 5; n++) b.connect(`c${n}`, { will: 0 })
    rig.turn()
    b.kill()
    rig.advance(deadAfterMs + SECOND)
    expect(new Set(rig.wills)).toEqual(new Set(Array.from({ length: 5 }, (_, n) => `will of c${n}`)))
    expect(holder.reporter.events.map(({ event }) => event)).toContain('MQTT_KAFKA_WILL_REFUSED')
    expect(rig.log.filter(({ kind, value }) => kind === 'w' && value === null).map(({ key }) => key)).toContain(
      `bad#w#${b.id}.1`,
    )
    expect(holder.layer.usage.wills).toBe(0)
  })

  it('a will that cannot be encoded is removed, and holds up no other', () => {
    const { rig, holder, b } = pair()
    b.connect('bad', { will: 0, payload: 'throws' })
    b.connect('good', { will: 0 })
    rig.turn()
    b.kill()
    rig.advance(deadAfterMs)
    expect(rig.wills).toEqual(['will of good'])
    expect(holder.reporter.counter('mqtt.kafka.wills.refused').value).toBe(1)
    expect(holder.layer.usage.wills).toBe(0)
  })

  it('29: a holder whose clock is ahead by the tolerated difference is not early', () => {
    const { rig, b } = pair()
    b.connected('c', { will: 5 }).close()
    rig.turn()
    // The holder's clock is this one: the client's instance is behind it.
    rig.advance(5 * SECOND)
    expect(rig.wills).toEqual([])
    rig.advance(skewMs)
    expect(rig.wills).toHaveLength(1)
  })
})

describe('end of a session', () => {
  it('27: a connection behind the expire record gets a new session', () => {
    const { rig, b } = pair()
    const c = b.connected('c', { expiry: 10 })
    c.save('x')
    rig.turn()
    c.close()
    rig.turn()
    rig.advance(10 * SECOND + skewMs)
    expect(rig.story.at(-1)).toBe('expire')
    expect(b.connected()).toMatchObject({ up: true, present: false })
  })

  it('27: a connection before it makes it void', () => {
    const { rig, holder, b } = pair()
    const c = b.connected('c', { expiry: 10 })
    c.save('x')
    rig.turn()
    c.close()
    rig.turn()
    holder.holdWrites()
    rig.advance(10 * SECOND + skewMs)
    const back = b.connected()
    holder.release()
    expect(rig.story).toContain('expire')
    expect(back).toMatchObject({ up: true, present: true, state: { x: 1 } })
    back.save('y')
    rig.turn()
    expect(back.stored).toEqual(['y'])
  })

  it('28: a session does not end while its client is connected', () => {
    const { rig, b } = pair()
    const c = b.connected('c', { expiry: 10, will: 5 })
    rig.advance(1000 * SECOND)
    expect(rig.story).toEqual(['w', 'claim'])
    expect(c.up).toBe(true)
  })

  it('a delayed will is due when its session ends', () => {
    const { rig, b } = pair()
    b.connected('c', { will: 100, expiry: 100 }).close('abnormal')
    rig.turn()
    rig.advance(100 * SECOND + skewMs)
    expect(rig.wills).toEqual(['will of c'])
    rig.advance(endedRetentionMs + SECOND)
    rig.sessions.compact(true)
    expect(rig.story).toEqual([])
  })

  it('32: the keys of an ended session are removed; a late end brings it back for a while, without a will', () => {
    const { rig, holder, b } = pair()
    const c = b.connected('c', { expiry: 10 })
    c.save('x')
    rig.turn()
    b.holdWrites()
    c.close('normal')
    b.kill()
    rig.advance(60 * SECOND)
    expect(rig.story).toContain('cut')
    expect(rig.story).toContain('expire')
    rig.advance(endedRetentionMs)
    expect(holder.layer.usage.clients).toBe(0)
    rig.sessions.compact(true)
    expect(rig.story).toEqual([])
    b.release()
    rig.turn()
    const late = { v: 1, k: 'closed', rank: 0, i: b.id, sid: `${b.id}.1`, at: rig.clock.now(), expiry: 10 }
    const fields = {
      reason: 'abnormal',
      will: 'pending',
      fireAt: rig.clock.now() + 1,
      expireAt: rig.clock.now() + 10_000,
    }
    rig.sessions.append(`c#e#${b.id}.1`, JSON.stringify({ ...late, ...fields }), {
      hash: 0,
      timestamp: rig.clock.now(),
    })
    rig.turn()
    expect(holder.layer.usage.clients).toBe(1)
    rig.advance(20 * SECOND)
    expect(rig.story.at(-1)).toBe('expire')
    expect(rig.wills).toEqual([])
    rig.advance(endedRetentionMs)
    expect(holder.layer.usage).toMatchObject({ clients: 0, deadlines: 0, bytes: 0 })
    expect(rig.faults).toEqual([])
  })

  it('32: what a late writer wrote again under a living session is removed', () => {
    const { rig, holder, b } = pair()
    const c = b.connected('c')
    b.holdReads()
    const second = holder.connect()
    rig.advance(graceMs)
    second.save('x')
    rig.turn()
    c.close()
    rig.turn()
    expect(rig.story.at(-1)).toBe('closed')
    rig.advance(endedRetentionMs + SECOND)
    rig.sessions.compact(true)
    expect(rig.story).toEqual(['live'])
    expect(second.up).toBe(true)
  })

  it('never ends a session that is to stay', () => {
    const { rig, holder, b } = pair()
    b.connected('c', { expiry: NEVER }).close()
    rig.turn()
    rig.advance(10 * endedRetentionMs)
    expect(rig.story).toEqual(['claim', 'closed'])
    expect(holder.layer.usage.deadlines).toBe(0)
    expect(b.connected().present).toBe(true)
  })
})

describe('an embedded log', () => {
  it('37: at start the connections of the life before are over, their wills published, their sessions there', () => {
    const rig = new SessionRig()
    rig.kafka.exclusive = true
    const before = rig.start('before')
    const c = before.connected('c', { will: 0 })
    c.save('x')
    before.connected('later', { will: 5 })
    before.connected('gone', { expiry: 0, will: 9 })
    rig.turn()
    before.kill()
    const after = rig.start('after')
    expect(new Set(rig.wills)).toEqual(new Set(['will of c', 'will of gone']))
    rig.advance(5 * SECOND)
    expect(rig.wills).toContain('will of later')
    expect(after.connected('c')).toMatchObject({ up: true, present: true, state: { x: 1 } })
    expect(after.connected('gone').present).toBe(false)
    rig.advance(60 * SECOND)
    expect(after.silences).toEqual([])
    expect(rig.faults).toEqual([])
  })

  it('37: a client that comes back at once does not wait', () => {
    const rig = new SessionRig()
    rig.kafka.exclusive = true
    const before = rig.start('before')
    before.connected()
    before.kill()
    rig.kafka.transactions.hold = 'records'
    expect(rig.start('after').connected()).toMatchObject({ up: true, present: true })
  })

  it('2: 1,000 sessions of a life before are cut in turns that leave room for others', () => {
    const rig = new SessionRig()
    rig.kafka.exclusive = true
    const before = rig.start('before')
    for (let n = 0; n < 1_200; n++) before.connect(`c${n}`)
    rig.turn()
    before.kill()
    rig.start('after')
    expect(rig.story.filter((kind) => kind === 'cut')).toHaveLength(1_200)
  })
})
