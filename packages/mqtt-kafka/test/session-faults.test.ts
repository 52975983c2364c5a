/** Scenarios of session ownership: members that go, Kafka that is away, logs that are not as they should be; states of groups. */
import { StreamError } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { deadAfterMs, graceMs, SESSIONS, SessionRig, sessionTimeoutMs, takeoverPair } from './session-rig.ts'

describe('session ownership: members', () => {
  it('26: an instance that is out of the group for less than deadAfter is left alone, for longer is cut', () => {
    const { rig, a, b, first } = takeoverPair()
    const group = rig.kafka.group('zilla-ts.sessions')
    group.expel(a.id)
    rig.advance(deadAfterMs - 1)
    group.readmit(a.id)
    rig.advance(2 * deadAfterMs)
    expect(first.lost).toBeNull()
    group.expel(a.id)
    rig.advance(deadAfterMs)
    expect(rig.story).toEqual(['claim', 'cut'])
    expect(first.lost?.code).toBe('taken-over')
    expect(b.connected()).toMatchObject({ up: true, present: true })
  })

  it('an instance that no list has named yet lives for two session timeouts after its last record', () => {
    const rig = new SessionRig()
    const early = rig.start('early')
    rig.kafka.group('zilla-ts.sessions').expel(early.id)
    const late = rig.start('late')
    early.connected()
    rig.kafka.group('zilla-ts.sessions').expel('nobody')
    rig.advance(2 * sessionTimeoutMs - 1)
    expect(rig.story).toEqual(['claim'])
    rig.advance(1)
    expect(rig.story).toEqual(['claim', 'cut'])
    void late
  })

  it('leaves nothing when it stops: connections are told, owners end, the group is left', () => {
    const { rig, a, b, first } = takeoverPair({ will: 5 })
    a.holdWrites()
    const waiting = a.connected('d')
    a.layer.stop(new StreamError('shutdown', 'stops'))
    a.release()
    expect(first.lost?.code).toBe('shutdown')
    expect(waiting.lost?.code).toBe('shutdown')
    expect(rig.log.find(({ value }) => value?.['k'] === 'closed')!.value).toMatchObject({
      reason: 'shutdown',
      will: 'pending',
    })
    expect(rig.kafka.group('zilla-ts.sessions').members.size).toBe(1)
    expect(a.layer.usage).toMatchObject({ attempts: 0, deadlines: 0, tenures: 0 })
    expect(b.connected().up).toBe(true)
    b.layer.stop(new StreamError('shutdown', 'stops'))
    b.layer.stop(new StreamError('shutdown', 'stops'))
    expect(rig.clock.pending).toBe(0)
    expect(rig.faults).toEqual([])
  })
})

describe('session ownership: Kafka away', () => {
  it('30: a partition that cannot be read falls silent after the lease, and speaks again when it has caught up', () => {
    const { rig, a } = takeoverPair()
    a.holdReads()
    rig.advance(20_000)
    expect(a.silences).toEqual([])
    rig.sessions.append('z#e#other.1', '{"v":1,"k":"claim","i":"other","at":1,"clean":false,"expiry":1,"ver":5}')
    rig.advance(10_000)
    expect(a.silences).toEqual([[0, true]])
    expect(a.layer.isSilent(0)).toBe(true)
    a.release()
    rig.advance(6_000)
    expect(a.silences).toEqual([
      [0, true],
      [0, false],
    ])
  })

  it('31: an event loop that stood still reads to the end before it serves anybody', () => {
    const { rig, a, b, first } = takeoverPair()
    // SIGSTOP: nothing of it runs while time goes on.
    a.holdReads()
    a.holdWrites()
    const second = b.connect()
    rig.advance(graceMs)
    expect(second.up).toBe(true)
    const story = rig.story
    first.save('x')
    a.release()
    expect(first.stored).toEqual([])
    expect(first.lost?.code).toBe('taken-over')
    expect(rig.story).toEqual(story)
  })

  it('31: after the event loop stood still, all partitions are silent until the log of a later moment is read', () => {
    const rig = new SessionRig(2)
    const a = rig.start('a')
    rig.advance(3_000)
    a.holdReads()
    rig.sessions.append('z#e#other.1', '{"v":1,"k":"claim","i":"other","at":1,"clean":false,"expiry":1,"ver":5}')
    rig.clock.stall(2_500)
    rig.advance(600)
    expect(a.silences).toEqual([
      [0, true],
      [1, true],
    ])
    a.release()
    rig.advance(600)
    expect([a.layer.isSilent(0), a.layer.isSilent(1)]).toEqual([false, false])
  })

  it('31: what lies behind an open transaction must be read as well, before anybody is served again', () => {
    const { rig, a, b } = takeoverPair()
    rig.sessions.appendTransactional(0, {
      timestamp: 0,
      key: Buffer.from('x#w#other.1'),
      value: null,
      headers: Buffer.alloc(0),
      headerCount: 0,
      producerId: 77,
    })
    a.holdReads()
    b.connect()
    rig.clock.stall(2_500)
    rig.advance(600)
    expect(a.silences).toEqual([[0, true]])
    a.release()
    rig.advance(600)
    expect(a.layer.isSilent(0)).toBe(false)
  })

  it('31: after a stall that is longer than tombstones are kept, everything is read again', () => {
    const { rig, a, b, first } = takeoverPair()
    first.save('x')
    rig.turn()
    a.holdReads()
    rig.clock.stall(13 * 3_600_000)
    rig.advance(600)
    expect(first.lost?.code).toBe('unavailable')
    expect(a.layer.ready).toBe(false)
    a.release()
    rig.advance(10_000)
    expect(a.layer.ready).toBe(true)
    expect(a.layer.usage.attempts).toBe(0)
    expect(b.connected().state).toEqual({ x: 1 })
    expect(rig.faults).toEqual([])
  })

  it('31: a topic that keeps tombstones for less is read again sooner', () => {
    const rig = new SessionRig()
    const a = rig.start('a', 2 * 3_600_000)
    const first = a.connected()
    rig.clock.stall(3_590_000)
    rig.advance(600)
    expect(first.lost).toBe(null)
    rig.clock.stall(3_610_000)
    rig.advance(600)
    expect(first.lost?.code).toBe('unavailable')
    expect(rig.faults).toEqual([])
  })

  it('36: an owner behind a cut learns when it was, one behind an orderly end that nothing is in flight', () => {
    const { rig, a, b, first } = takeoverPair()
    first.save('x')
    rig.turn()
    a.holdReads()
    const second = b.connect()
    rig.advance(graceMs)
    expect(second.grants).toEqual([{ cutAt: rig.clock.now() }])
    second.save('y')
    rig.turn()
    second.close()
    rig.turn()
    expect(b.connected().grants).toEqual([{ cutAt: null }])
  })

  it('a connection that throws ends alone', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const [bad, good] = [a.connect('bad'), a.connect('good')]
    rig.turn()
    bad.snapshot = () => {
      throw new Error('at fault')
    }
    bad.save('x')
    good.save('x')
    rig.turn()
    expect(bad.lost?.code).toBe('internal')
    expect(good.stored).toEqual(['x'])
    expect(a.reporter.faults).toHaveLength(1)
    expect(a.layer.usage.attempts).toBe(1)
  })

  it('33: an open transaction on the partition holds up nobody', () => {
    const rig = new SessionRig()
    rig.sessions.appendTransactional(0, {
      timestamp: 0,
      key: Buffer.from('x#w#other.1'),
      value: null,
      headers: Buffer.alloc(0),
      headerCount: 0,
      producerId: 77,
    })
    const a = rig.start()
    expect(a.connected().up).toBe(true)
    expect(a.layer.usage.transactions).toBe(1)
  })

  it('34: a claim that is not answered in time is refused, and closed when it lands later', () => {
    const rig = new SessionRig()
    const a = rig.start()
    a.holdWrites()
    const c = a.connected()
    rig.advance(30_000)
    expect(c.lost?.code).toBe('unavailable')
    a.release()
    expect(rig.story).toEqual(['claim', 'closed'])
    expect(a.layer.usage.attempts).toBe(0)
  })

  it('34: claims fail while Kafka is away, and work again when it is back', () => {
    const rig = new SessionRig()
    const a = rig.start()
    a.holdWrites()
    const c = a.connected()
    rig.kafka.away = new StreamError('unavailable', 'gone')
    rig.kafka.abort(SESSIONS, rig.kafka.away)
    rig.turn()
    expect(c.lost?.code).toBe('unavailable')
    expect(a.layer.ready).toBe(false)
    expect(a.connected().lost?.code).toBe('unavailable')
    a.release()
    rig.kafka.away = null
    rig.advance(10_000)
    expect(a.connected().up).toBe(true)
    expect(rig.faults).toEqual([])
  })

  it('a state that nobody knows the fate of is written again, and confirmed once', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const c = a.connected()
    a.holdWrites()
    c.save('x')
    rig.turn()
    rig.kafka.abort(SESSIONS, new StreamError('unavailable', 'gone'))
    rig.turn()
    expect(c.stored).toEqual([])
    a.release()
    rig.advance(10_000)
    expect(c.stored).toEqual(['x'])
    expect(c.up).toBe(true)
  })

  it('an end that nobody knows the fate of is written again when the log shows that it is missing', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const c = a.connected()
    a.holdWrites()
    c.close('normal')
    rig.turn()
    rig.kafka.abort(SESSIONS, new StreamError('unavailable', 'gone'))
    a.release()
    rig.advance(20_000)
    expect(rig.story).toEqual(['claim', 'closed'])
    expect(a.layer.usage).toMatchObject({ attempts: 0, outstanding: 0 })
  })

  it('a state that can never be stored ends its connection with the last one that could', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const c = a.connected()
    c.save('x')
    rig.turn()
    rig.sessions.refusal = new StreamError('too-large', 'too large')
    c.save('y')
    rig.clock.turn()
    expect(c.lost?.code).toBe('too-large')
    expect(c.stored).toEqual(['x'])
    rig.sessions.refusal = null
    rig.advance(20_000)
    expect(a.layer.usage.attempts).toBe(0)
  })
})

describe('session ownership: the log', () => {
  it('35: a client id may contain # and %', () => {
    const rig = new SessionRig(3)
    const a = rig.start()
    const b = rig.start()
    const id = 'a#e#1%23/%'
    const first = a.connected(id)
    first.save('x')
    rig.turn()
    expect(rig.log[0]!.key).toBe(`a%23e%231%2523/%25#e#${a.id}.1`)
    expect(b.connected(id).state).toEqual({ x: 1 })
  })

  it('35: a record of an unknown version is an error that keeps the layer from being ready', () => {
    const rig = new SessionRig()
    rig.sessions.append('c#e#other.1', '{"v":2,"k":"something"}')
    const a = rig.start()
    expect(a.layer.ready).toBe(false)
    expect(a.layer.wrong).toMatchObject({ code: 'invalid', message: expect.stringContaining('c#e#other.1') })
    expect(a.connected().lost?.code).toBe('invalid')
  })

  it('35: nonsense is skipped and counted', () => {
    const rig = new SessionRig()
    for (const [key, value] of [
      ['c', 'x'],
      ['c#e#x.1', 'nonsense'],
      ['c#q#x.1', '{"v":1}'],
      ['c#e', '{"v":1}'],
      [null, 'x'],
    ] as const) {
      rig.sessions.append(key, value)
    }
    rig.sessions.append('c#e#x.2', '{"v":1,"k":"closed"}')
    const a = rig.start()
    expect(a.connected()).toMatchObject({ up: true, present: false })
    expect(a.layer.usage.skipped).toBe(5)
    expect(rig.faults).toEqual([])
  })

  it('35: a topic that grows would place client ids elsewhere: it is an error', () => {
    const rig = new SessionRig()
    const a = rig.start()
    for (const { stream } of rig.sessions.fetches) stream.signal({ kind: 'partition', partition: 1 })
    expect(a.layer.wrong?.message).toContain('partitions')
  })

  it('is not ready before the end seen at start has been read', () => {
    const rig = new SessionRig()
    rig.start().connected()
    rig.sessions.heldReaders.add('late')
    const late = rig.start('late')
    expect(late.layer.ready).toBe(false)
    late.release()
    expect(late.layer.ready).toBe(true)
  })
})

describe('group states', () => {
  it('are written late, read by all, known at start, and end', () => {
    const rig = new SessionRig(2)
    const a = rig.start()
    const b = rig.start()
    const name = '$share/g/a/#'
    a.layer.saveGroup(name, () => ({ pos: 1 }))
    a.layer.saveGroup(name, () => ({ pos: 2 }))
    rig.advance(999)
    expect(rig.log).toEqual([])
    rig.advance(1)
    expect(rig.log.map(({ key, value }) => [key, value])).toEqual([
      ['$share/g/a/%23#g', { v: 1, k: 'group', i: a.id, at: rig.clock.now(), s: { pos: 2 } }],
    ])
    expect(b.groups).toEqual([[name, { pos: 2 }]])
    const late = rig.start()
    expect([...late.layer.groups]).toEqual([[name, { pos: 2 }]])
    expect([a, b, late].filter(({ layer }) => layer.holds(name))).toHaveLength(1)
    a.layer.saveGroup(name, () => ({ pos: 3 }))
    a.layer.dropGroup(name)
    rig.advance(5_000)
    expect(late.groups.at(-1)).toEqual([name, null])
    expect(late.layer.groups.size).toBe(0)
    expect(rig.faults).toEqual([])
  })
})
