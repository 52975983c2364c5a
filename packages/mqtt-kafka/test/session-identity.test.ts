/** Sessions belong to the identity that a guard has found out: nobody else takes one over, or begins another in its place. */
import { describe, expect, it } from 'vitest'
import { endedRetentionMs, graceMs, SessionRig, skewMs, takeoverPair } from './session-rig.ts'

describe('session identity', () => {
  it.each([
    ['another identity', { owner: 'g/you' }],
    ['another identity, clean start', { owner: 'g/you', clean: true }],
    ['nobody', {}],
    ['nobody, clean start', { clean: true }],
  ])('refuses %s, connected or not, here or elsewhere, and writes nothing', (_what, other) => {
    const { rig, a, b, first } = takeoverPair({ owner: 'g/me', will: 0 })
    first.save('x')
    rig.turn()
    const before = rig.story
    for (const instance of [a, b]) {
      const thief = instance.connect('c', other)
      rig.advance(graceMs + 1)
      expect([thief.lost?.code, thief.granted]).toEqual(['not-authorized', []])
    }
    expect(first.up).toBe(true)
    expect(rig.story).toEqual(before)
    first.close('normal')
    rig.turn()
    for (const instance of [a, b, rig.start('late')]) {
      const thief = instance.connect('c', other)
      rig.turn()
      expect(thief.lost?.code).toBe('not-authorized')
    }
    expect(b.connected('c', { owner: 'g/me' })).toMatchObject({ up: true, present: true, state: { x: 1 } })
    expect(rig.faults).toEqual([])
  })

  it('is decided by the log where two race', () => {
    const rig = new SessionRig()
    const [a, b] = [rig.start('a'), rig.start('b')]
    b.holdReads()
    const owner = a.connected('c', { owner: 'g/me' })
    const thief = b.connect('c', { owner: 'g/you', clean: true, will: 0 })
    rig.turn()
    b.release()
    expect([owner.up, thief.granted, thief.lost?.code]).toEqual([true, [], 'not-authorized'])
    rig.advance(graceMs + 1)
    expect(owner.up).toBe(true)
    owner.save('x')
    rig.turn()
    expect(owner.stored).toEqual(['x'])
    owner.close()
    rig.turn()
    expect(rig.wills).toEqual([])
    expect(a.connected('c', { owner: 'g/me' })).toMatchObject({ present: true, state: { x: 1 } })
    expect(rig.faults).toEqual([])
  })

  it('ends with the session', () => {
    const rig = new SessionRig()
    const a = rig.start()
    const first = a.connected('c', { owner: 'g/me', expiry: 0 })
    first.close('normal')
    // not even read back yet
    const second = a.connect('c', { owner: 'g/you' })
    rig.turn()
    expect(second).toMatchObject({ up: true, present: false })
    second.close('normal', 1)
    rig.turn()
    rig.advance(1_000 + skewMs + 1)
    expect(a.connected('c')).toMatchObject({ up: true, present: false })
  })

  it('is taken by the first identity of a session that is nobody’s', () => {
    const rig = new SessionRig()
    const a = rig.start()
    a.connected('c').save('x')
    rig.turn()
    const mine = a.connected('c', { owner: 'g/me' })
    expect(mine).toMatchObject({ up: true, present: true, state: { x: 1 } })
    const thief = a.connect('c')
    rig.turn()
    expect([thief.lost?.code, mine.up]).toEqual(['not-authorized', true])
  })

  it('survives that its process is killed', () => {
    const { rig, a, b, first } = takeoverPair({ owner: 'g/me' })
    first.save('x')
    rig.turn()
    a.kill()
    const thief = b.connect('c', { owner: 'g/you' })
    rig.advance(10 * graceMs)
    expect(thief.lost?.code).toBe('not-authorized')
    expect(b.connect('c', { owner: 'g/me' }).lost).toBeNull()
    rig.advance(graceMs + 1)
    expect(b.connected('c', { owner: 'g/me' })).toMatchObject({ up: true, present: true, state: { x: 1 } })
  })

  it('removes what was refused before the session that it was refused for', () => {
    const rig = new SessionRig()
    const [a, b] = [rig.start('a'), rig.start('b')]
    b.holdReads()
    const owner = a.connected('c', { owner: 'g/me', expiry: 1 })
    b.connect('c', { owner: 'g/you' })
    rig.turn()
    b.release()
    owner.close()
    rig.turn()
    rig.advance(endedRetentionMs + 1_000 + skewMs + 60_000)
    const removed = rig.log.filter(({ value }) => value === null).map(({ kind, epoch }) => `${kind} ${epoch}`)
    expect(removed).toEqual([`e ${b.id}.1`, `e ${a.id}.1`, `expire ${a.id}.1`])
    expect(rig.faults).toEqual([])
  })

  it('writes no user name', () => {
    const rig = new SessionRig()
    rig.start().connected('c', { owner: 'g/me' })
    expect(rig.log[0]!.value).toMatchObject({ k: 'claim', owner: 'g/me' })
    expect(rig.log[0]!.value).not.toHaveProperty('user')
  })
})
