/** Scenarios of session ownership: who owns a client id, and what it is told. The numbers are those of the design's list. */
import { StreamError } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import {
  claimTtlMs,
  deadAfterMs,
  graceMs,
  type Instance,
  SESSIONS,
  SessionRig,
  sessionTimeoutMs,
  skewMs,
} from './session-rig.ts'

/** Two instances and a client that is up on the first. */
function pair(options: Parameters<Instance['connect']>[1] = {}) {
  const rig = new SessionRig()
  const a = rig.start('a')
  const b = rig.start('b')
  const first = a.connected('c', options)
  return { rig, a, b, first }
}

describe('session ownership: connect', () => {
  it('1: a fresh session is granted by its claim, one append', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const c = a.connected('c', { will: 0 })
    expect(c).toMatchObject({ up: true, present: false })
    expect(rig.story).toEqual(['w', 'claim'])
    const claim = { v: 1, k: 'claim', i: a.id, clean: false, expiry: 1000, willDelay: 0, ver: 5 }
    expect(rig.log[1]!.value).toMatchObject(claim)
    expect(rig.log[1]!.key).toBe(`c#e#${a.id}.1`)
    expect(rig.faults).toEqual([])
  })

  it('1: nothing is answered before the claim is read back, stored or not', () => {
    const rig = new SessionRig()
    const a = rig.start()
    a.holdWrites()
    a.holdReads()
    const c = a.connected()
    expect(c.granted).toEqual([])
    a.store()
    rig.turn()
    expect(rig.story).toEqual(['claim'])
    expect(c.granted).toEqual([])
    a.release()
    expect(c.up).toBe(true)
  })

  it('1: an offline session is resumed with its state, and its keys are removed with the first record', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const first = a.connected()
    first.save('x')
    rig.turn()
    first.close()
    rig.turn()
    const second = a.connected()
    expect(second).toMatchObject({ up: true, present: true, state: { x: 1 } })
    expect(rig.story).toEqual(['claim', 'live', 'closed', 'claim'])
    second.save('y')
    rig.turn()
    expect(rig.story.slice(4)).toEqual(['live', '-e'])
    expect(rig.log.at(-1)!.epoch).toBe(`${a.id}.1`)
    expect(second.stored).toEqual(['y'])
  })

  it('1: a session that exists without ever having stored a state is present', () => {
    const { rig, a, first } = pair()
    rig.sessions.heldWriters.add('a')
    a.kill()
    void first
    const b = rig.instances[1]!
    const second = b.connect()
    rig.advance(graceMs + 1)
    expect(second).toMatchObject({ up: true, present: true, state: {} })
  })

  it('1: a clean start begins a new session', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const first = a.connected()
    first.state = { x: 1 }
    first.close()
    rig.turn()
    expect(a.connected('c', { clean: true })).toMatchObject({ up: true, present: false, state: {} })
  })

  it('2: 1,000 connects of a turn are written in one go', () => {
    const rig = new SessionRig(4)
    const a = rig.start()
    a.holdWrites()
    const clients = Array.from({ length: 1000 }, (_, n) => a.connect(`c${n}`))
    expect(rig.sessions.writes).toHaveLength(0)
    rig.turn()
    expect(rig.sessions.writes).toHaveLength(1000)
    expect(rig.kafka.opened.filter(({ kind }) => kind === 'produce')).toHaveLength(1)
    a.release()
    expect(clients.every(({ up }) => up)).toBe(true)
  })

  it('leaves one owner of 1,000 that race on one instance, and removes what they left', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const racers = Array.from({ length: 1000 }, () => a.connect())
    rig.turn()
    expect(racers.filter(({ up }) => up)).toEqual([racers.at(-1)])
    expect(racers.slice(0, -1).every(({ lost }) => lost?.code === 'taken-over')).toBe(true)
    racers.at(-1)!.save('x')
    rig.turn()
    racers.at(-1)!.close('normal', 0)
    rig.turn()
    // The end of the one before lies behind the claim of the last, so it stays until the next owner.
    rig.sessions.compact(true)
    expect(rig.story).toEqual(['closed', 'closed'])
    a.connected('c', { clean: true, expiry: 0 }).close()
    rig.turn()
    rig.sessions.compact(true)
    expect(rig.story).toEqual(['closed'])
    expect(a.layer.usage).toMatchObject({ attempts: 0, clients: 1 })
    expect(rig.faults).toEqual([])
  })

  it('writes nothing for a session that does not outlive its connection, but its claim and its end', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const c = a.connected('c', { clean: true, expiry: 0 })
    c.save('x')
    c.handle.touch()
    expect(c.stored).toEqual([])
    rig.turn()
    expect(c.stored).toEqual(['x'])
    rig.advance(5_000)
    expect(rig.story).toEqual(['claim'])
    c.close('normal')
    rig.turn()
    expect(rig.story).toEqual(['claim', 'closed'])
    expect(rig.log[1]!.value).not.toHaveProperty('s')
  })

  it('writes a touched state once a second, and keeps one snapshot in flight', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const c = a.connected()
    for (let at = 0; at < 10; at++) {
      c.state = { at }
      c.handle.touch()
      rig.advance(99)
    }
    expect(rig.story).toEqual(['claim'])
    rig.advance(99)
    expect(rig.log.at(-1)!.value).toMatchObject({ k: 'live', s: { at: 9 } })
    a.holdWrites()
    c.save('x')
    rig.turn()
    c.save('y')
    c.save('z')
    rig.turn()
    expect(rig.sessions.writes).toHaveLength(1)
    a.release()
    expect(c.stored).toEqual(['x', 'y', 'z'])
    expect(rig.story).toEqual(['claim', 'live', 'live', 'live'])
  })
})

describe('session ownership: takeover', () => {
  it('3: by another instance: the owner goes, its end is in the log before the new one is answered, its state is carried', () => {
    const { rig, b, first } = pair()
    first.save('x')
    rig.turn()
    first.obliging = false
    const second = b.connected()
    expect(first.lost?.code).toBe('taken-over')
    expect(second.granted).toEqual([])
    first.state = { x: 1, late: 1 }
    first.close('takeover')
    rig.turn()
    expect(second).toMatchObject({ up: true, present: true, state: { x: 1, late: 1 }, grants: [{ cutAt: null }] })
    expect(rig.story).toEqual(['claim', 'live', 'claim', 'closed'])
    expect(rig.log[3]!.value).toMatchObject({ reason: 'takeover', rank: 0 })
  })

  it('4: by the same instance: one append has the end of the one and the claim of the other', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const first = a.connected('c', { will: 0 })
    first.state = { x: 1 }
    a.holdWrites()
    const second = a.connect('c', { will: 0 })
    expect(first.lost?.code).toBe('taken-over')
    rig.turn()
    expect(rig.sessions.writes).toHaveLength(3)
    a.release()
    expect(rig.story.slice(2, 5)).toEqual(['closed', 'w', 'claim'])
    expect(second).toMatchObject({ up: true, present: true, state: { x: 1 } })
  })

  it('5: a stalled owner is cut after the grace time; what it writes later counts for nothing', () => {
    const { rig, a, b, first } = pair({ will: 5 })
    first.save('x')
    rig.turn()
    a.holdReads()
    a.holdWrites()
    first.save('lost')
    rig.turn()
    const second = b.connect()
    rig.advance(graceMs - 1)
    expect(second.granted).toEqual([])
    rig.advance(1)
    expect(second).toMatchObject({ up: true, present: true, state: { x: 1 } })
    expect(second.grants[0]!.cutAt).toBe(rig.clock.now())
    second.save('y')
    rig.turn()
    first.close()
    rig.turn()
    a.release()
    expect(first.stored).toEqual(['x'])
    expect(second.up).toBe(true)
    const third = rig.start('late').connected()
    expect(third).toMatchObject({ up: true, state: { x: 1, y: 1 } })
  })

  it('5: an owner that was cut loses its client and writes nothing', () => {
    const { rig, a, b, first } = pair()
    a.holdReads()
    const second = b.connect()
    rig.advance(graceMs)
    expect(second.up).toBe(true)
    const before = rig.story.length
    a.release()
    expect(first.lost?.code).toBe('taken-over')
    first.close()
    rig.turn()
    expect(rig.story).toHaveLength(before)
    expect(a.layer.usage.attempts).toBe(0)
  })

  it('6: a snapshot behind the cut is never confirmed', () => {
    const { rig, a, b, first } = pair()
    a.holdWrites()
    a.holdReads()
    first.save('x')
    rig.turn()
    const second = b.connect()
    rig.advance(graceMs)
    second.save('y')
    rig.turn()
    a.release()
    expect(rig.story).toEqual(['claim', 'claim', 'cut', 'live', '-e', 'live'])
    expect(first.stored).toEqual([])
    expect(first.lost?.code).toBe('taken-over')
  })

  it('7: a snapshot before the cut is in the state that the next owner gets', () => {
    const { rig, a, b, first } = pair()
    a.holdReads()
    first.save('x')
    rig.turn()
    expect(first.stored).toEqual([])
    const second = b.connect()
    rig.advance(graceMs)
    expect(second.state).toEqual({ x: 1 })
  })

  it('8: an end that lands behind the first record of the successor changes nothing, in a compacted log either', () => {
    const { rig, a, b, first } = pair()
    a.holdWrites()
    first.state = { old: 1 }
    const second = b.connected()
    expect(first.lost?.code).toBe('taken-over')
    rig.advance(graceMs)
    second.save('new')
    rig.turn()
    a.release()
    expect(rig.story.at(-1)).toBe('closed')
    second.close()
    rig.turn()
    rig.sessions.compact()
    expect(rig.start('late').connected().state).toEqual({ new: 1 })
  })

  it('9: of two that wait the later one wins; the earlier one writes nothing', () => {
    const { rig, a, b, first } = pair()
    first.obliging = false
    const c = rig.start('c')
    const second = b.connected()
    const third = c.connected()
    expect(second.lost?.code).toBe('taken-over')
    expect(second.granted).toEqual([])
    first.close('takeover')
    rig.turn()
    expect(third.up).toBe(true)
    expect(rig.story).toEqual(['claim', 'claim', 'claim', 'closed'])
    expect([a.layer.usage.attempts, b.layer.usage.attempts]).toEqual([0, 0])
  })

  it('10: a claim that lands after its client has left is closed at once, as an abnormal end', () => {
    const rig = new SessionRig()
    const a = rig.start()
    a.holdWrites()
    const c = a.connected('c', { will: 30 })
    c.close('abnormal')
    expect(a.layer.usage.attempts).toBe(0)
    a.release()
    expect(c).toMatchObject({ granted: [], lost: null })
    expect(rig.story).toEqual(['w', 'claim', 'closed'])
    expect(rig.log[2]!.value).toMatchObject({ reason: 'abnormal', will: 'pending', expiry: 1000 })
    expect(a.connected().present).toBe(true)
  })

  it('11: a claim of a dead instance that lands late is cut by the holder', () => {
    const { rig, a, b } = pair()
    a.holdWrites()
    a.connected('d')
    a.kill()
    rig.advance(deadAfterMs)
    a.release()
    rig.advance(3 * sessionTimeoutMs)
    expect(rig.log.filter(({ key }) => key.startsWith('d#')).map(({ kind }) => kind)).toEqual(['e', 'cut'])
    expect(b.connected('d').up).toBe(true)
  })

  it('12: a stale claim does not throw out a live client: it is overtaken', () => {
    const { rig, a, b, first } = pair({ will: 7 })
    first.save('x')
    rig.turn()
    b.holdWrites()
    const stale = b.connected()
    stale.close()
    rig.advance(claimTtlMs + skewMs + 1)
    first.state = { x: 1, now: 1 }
    b.release()
    expect(rig.story.slice(3)).toEqual(['claim', 'w', 'claim', 'closed', '-w', 'live', '-e'])
    expect(first.lost).toBeNull()
    first.save('y')
    rig.turn()
    expect(first.stored).toEqual(['x', 'y'])
    expect(a.layer.usage.attempts).toBe(1)
    a.holdReads()
    const next = b.connect()
    rig.advance(graceMs)
    expect(next.state).toEqual({ x: 1, now: 1, y: 1 })
    expect(rig.wills).toEqual([])
  })

  it('12: an owner that overtakes a claim while a clean start, not read yet, has taken the session goes, and has one will', () => {
    const { rig, a, b, first } = pair({ will: 7 })
    b.holdWrites()
    b.connected().close()
    rig.advance(claimTtlMs + skewMs + 1)
    a.holdReads()
    b.release()
    const clean = b.connected('c', { clean: true })
    expect(clean.up).toBe(true)
    // It reads the stale claim, and not the one behind it.
    rig.sessions.deliver(1, 'a')
    rig.turn()
    expect(rig.story.slice(0, 7)).toEqual(['w', 'claim', 'claim', 'claim', 'w', 'claim', 'closed'])
    a.release()
    expect(first.lost?.code).toBe('taken-over')
    clean.close()
    rig.advance(60_000)
    expect(rig.wills).toEqual(['will of c'])
    expect(rig.faults).toEqual([])
  })

  it('13: an owner that dies before its first record leaves the state there was before it', () => {
    const { rig, b, first } = pair()
    first.save('x')
    rig.turn()
    first.close()
    rig.turn()
    const dead = rig.start('dead')
    dead.connected()
    dead.kill()
    const second = b.connect()
    rig.advance(deadAfterMs)
    expect(second).toMatchObject({ up: true, state: { x: 1 } })
  })

  it('13: a dead owner is cut without waiting for the grace time', () => {
    const { rig, a, b } = pair()
    a.kill()
    const second = b.connect()
    rig.advance(deadAfterMs - 1)
    expect(second.up).toBe(false)
    rig.advance(1)
    expect(second.up).toBe(true)
  })

  it('13: or at once, when somebody knows that it has exited', () => {
    const { rig, a, b } = pair()
    a.kill()
    b.layer.markGone(a.id)
    expect(b.connected().up).toBe(true)
    expect(rig.story).toEqual(['claim', 'claim', 'cut'])
    expect(rig.log.at(-1)!.value).toMatchObject({ why: 'dead', by: b.id })
  })

  it('14: two cuts of different writers around two claims name one owner to every reader', () => {
    const { rig, a, b } = pair()
    const c = rig.start('c')
    a.holdReads()
    const second = b.connected()
    rig.advance(graceMs - 1)
    c.holdReads()
    rig.advance(1)
    expect(second.up).toBe(true)
    const third = c.connect()
    rig.turn()
    rig.sessions.append(
      `c#cut#${a.id}.1#hsomebody`,
      JSON.stringify({ v: 1, at: rig.clock.now(), by: 'x', why: 'dead' }),
    )
    c.release()
    expect([second.up, third.up]).toEqual([false, true])
    rig.sessions.compact()
    const d = rig.start('d').connected()
    expect([third.up, d.up]).toEqual([false, true])
  })

  it('an owner that is wrongly left by its connection is cut: nobody waits for longer than the grace time', () => {
    const { rig, b, first } = pair()
    first.obliging = false
    const second = b.connect()
    rig.advance(graceMs)
    expect(second.up).toBe(true)
    expect(rig.story).toEqual(['claim', 'claim', 'cut'])
  })

  it('a clean start by another instance does not wait for the owner', () => {
    const { rig, a, b, first } = pair()
    a.holdReads()
    expect(b.connected('c', { clean: true })).toMatchObject({ up: true, present: false })
    a.release()
    expect(first.lost?.code).toBe('taken-over')
    expect(rig.story).toEqual(['claim', 'claim'])
  })
})

describe('session ownership: members', () => {
  it('26: an instance that is out of the group for less than deadAfter is left alone, for longer is cut', () => {
    const { rig, a, b, first } = pair()
    const group = rig.kafka.group('test-sessions')
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
    rig.kafka.group('test-sessions').expel(early.id)
    const late = rig.start('late')
    early.connected()
    rig.kafka.group('test-sessions').expel('nobody')
    rig.advance(2 * sessionTimeoutMs - 1)
    expect(rig.story).toEqual(['claim'])
    rig.advance(1)
    expect(rig.story).toEqual(['claim', 'cut'])
    void late
  })

  it('leaves nothing when it stops: connections are told, owners end, the group is left', () => {
    const { rig, a, b, first } = pair({ will: 5 })
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
    expect(rig.kafka.group('test-sessions').members.size).toBe(1)
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
    const { rig, a } = pair()
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
    const { rig, a, b, first } = pair()
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
