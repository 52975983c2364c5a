/** The rules of the view, each on the shortest history that shows it. */
import { describe, expect, it } from 'vitest'
import type { Claim, Closed, Live } from './records.ts'
import { type Fact, viewOf } from './view.ts'

const claim = (offset: number, epoch: string, more: Partial<Claim> = {}): Fact => ({
  kind: 'e',
  epoch,
  offset,
  record: { k: 'claim', i: epoch, at: 0, clean: false, expiry: 100, ver: 5, ...more },
})
const live = (offset: number, epoch: string, rank: number, more: Partial<Live> = {}): Fact => ({
  kind: 'e',
  epoch,
  offset,
  record: { k: 'live', i: epoch, rank, sid: 's', n: 1, expiry: 100, ...more },
})
const closed = (offset: number, epoch: string, rank: number, more: Partial<Closed> = {}): Fact => ({
  kind: 'e',
  epoch,
  offset,
  record: {
    k: 'closed',
    i: epoch,
    rank,
    sid: 's',
    at: 1000,
    reason: 'abnormal',
    will: 'none',
    expiry: 100,
    expireAt: 101_000,
    ...more,
  },
})
const will = (offset: number, epoch: string): Fact => ({ kind: 'w', epoch, offset })
const cut = (offset: number, epoch: string, writer = 'h', at = 500): Fact => ({
  kind: 'cut',
  epoch,
  writer,
  offset,
  decision: { at },
})
const fire = (offset: number, epoch: string): Fact => ({
  kind: 'fire',
  epoch,
  writer: 'h',
  offset,
  decision: { at: 0 },
})
const expire = (offset: number, epoch: string): Fact => ({
  kind: 'expire',
  epoch,
  writer: 'h',
  offset,
  decision: { at: 0 },
})

/** Names only. */
function look(...facts: Fact[]) {
  const view = viewOf(facts)
  return {
    owner: view.owner?.epoch ?? null,
    next: view.next?.epoch ?? null,
    ended: view.ended?.epoch.epoch ?? null,
    session: view.session,
    wills: Object.fromEntries(view.wills),
  }
}

describe('who owns', () => {
  it('nobody, of nothing', () => {
    expect(look()).toEqual({ owner: null, next: null, ended: null, session: null, wills: {} })
  })
  it('the first claim, of a new session', () => {
    expect(look(claim(0, 'a'))).toMatchObject({ owner: 'a', session: { sid: 'a', source: null } })
  })
  it('the owner, while another waits; of two that wait the later', () => {
    expect(look(claim(0, 'a'), claim(1, 'b'), claim(2, 'c'))).toMatchObject({ owner: 'a', next: 'c' })
  })
  it('the one that waits, after the end of the owner, with its state', () => {
    expect(look(claim(1, 'b'), closed(2, 'a', 0))).toMatchObject({
      owner: 'b',
      next: null,
      session: { sid: 's', source: 'a' },
    })
  })
  it('the one that waits, after a cut', () => {
    expect(look(claim(0, 'a'), claim(1, 'b'), cut(2, 'a'))).toMatchObject({ owner: 'b', session: { sid: 'a' } })
  })
  it('whoever starts clean, at once, with an empty session', () => {
    expect(look(live(1, 'a', 0), claim(2, 'b'), claim(3, 'c', { clean: true }))).toMatchObject({
      owner: 'c',
      next: null,
      session: { sid: 'c', source: null },
    })
  })
  it('nobody, after an end that nobody waits for', () => {
    expect(look(closed(1, 'a', 0))).toMatchObject({ owner: null, ended: 'a', session: { sid: 's' } })
  })
  it('not who was cut while it did not own', () => {
    expect(look(claim(0, 'a'), claim(1, 'b'), cut(2, 'b'), cut(3, 'a'))).toMatchObject({ owner: 'b' })
  })
  it('whoever the earliest cut grants, not a later one', () => {
    const facts = [claim(0, 'a'), claim(1, 'b'), cut(2, 'a', 'x'), claim(3, 'c'), cut(4, 'a', 'y')]
    expect(look(...facts)).toMatchObject({ owner: 'b', next: 'c' })
  })
  it('not decided by an end behind the cut', () => {
    const late = closed(5, 'a', 0, { will: 'none' })
    expect(look(claim(1, 'b'), cut(2, 'a'), claim(3, 'c'), late)).toMatchObject({ owner: 'b', next: 'c' })
  })
  it('decided from the highest rank that has a record; what is lower is obsolete', () => {
    expect(look(closed(9, 'a', 0), live(5, 'b', 3), claim(1, 'x'), cut(7, 'a'))).toMatchObject({
      owner: 'b',
      next: null,
    })
  })
})

describe('what remains of a session', () => {
  it('nothing, where its expiry is 0', () => {
    expect(look(closed(1, 'a', 0, { expireAt: 1000 }))).toMatchObject({ ended: 'a', session: null })
    expect(look(claim(0, 'a', { expiry: 0 }), cut(1, 'a'))).toMatchObject({ ended: 'a', session: null })
  })
  it('nothing, behind an expire record; all, where a claim came first', () => {
    expect(look(closed(1, 'a', 0), expire(2, 'a')).session).toBeNull()
    expect(look(closed(1, 'a', 0), claim(2, 'b'), expire(3, 'a')).session).toMatchObject({ sid: 's' })
    expect(look(closed(1, 'a', 0), expire(2, 'a'), claim(3, 'b')).session).toEqual({
      sid: 'b',
      source: null,
      owner: null,
    })
  })
  it('all, where somebody else expired, or an owner', () => {
    expect(look(closed(1, 'a', 0), expire(2, 'x')).session).not.toBeNull()
    expect(look(live(1, 'a', 0), expire(2, 'a')).session).not.toBeNull()
  })
  it('when it ends is counted from the cut, in 64 bits, and never where it never does', () => {
    const ended = (expiry: number) => viewOf([claim(0, 'a', { expiry, willDelay: 7 }), cut(1, 'a')]).ended
    expect(ended(5)).toMatchObject({ at: 500, fireAt: 5_500, expireAt: 5_500 })
    expect(ended(0xffff_fffe)).toMatchObject({ expireAt: 500 + 0xffff_fffe * 1000 })
    expect(ended(0xffff_ffff)).toMatchObject({ fireAt: 7_500, expireAt: null })
  })
})

describe('wills', () => {
  const delayed = { willDelay: 5 }
  it('are armed while their epoch owns, or waits to', () => {
    const facts = [will(0, 'a'), claim(1, 'a', delayed), will(2, 'b'), claim(3, 'b', delayed)]
    expect(look(...facts).wills).toEqual({ a: 'armed', b: 'armed' })
  })
  it('are due at once without a delay, else wait', () => {
    expect(look(will(0, 'a'), claim(1, 'a', { willDelay: 0 }), cut(2, 'a')).wills).toEqual({ a: 'due' })
    expect(look(will(0, 'a'), claim(1, 'a', delayed), cut(2, 'a')).wills).toEqual({ a: 'pending' })
    expect(look(will(0, 'a'), claim(1, 'a', { ...delayed, expiry: 0 }), cut(2, 'a')).wills).toEqual({ a: 'due' })
  })
  it('are due by a fire or an expire record, unless a claim came first', () => {
    const ended = [will(0, 'a'), claim(1, 'a', delayed), cut(2, 'a')]
    expect(look(...ended, fire(3, 'a')).wills).toEqual({ a: 'due' })
    expect(look(...ended, expire(3, 'a')).wills).toEqual({ a: 'due' })
    expect(look(...ended, claim(3, 'b'), fire(4, 'a')).wills).toEqual({ a: 'cancelled' })
    expect(look(...ended, fire(3, 'a'), claim(4, 'b')).wills).toEqual({ a: 'due' })
  })
  it('are due at a clean start, pending or armed', () => {
    const clean = claim(3, 'b', { clean: true })
    expect(look(will(0, 'a'), claim(1, 'a', delayed), clean).wills).toEqual({ a: 'due' })
    expect(look(will(0, 'a'), claim(1, 'a', delayed), cut(2, 'a'), clean).wills).toEqual({ a: 'due' })
  })
  it('are void where their epoch never owned, or ended normally', () => {
    const facts = [live(1, 'a', 0), will(2, 'b'), claim(3, 'b', delayed), claim(4, 'c')]
    expect(look(...facts).wills).toEqual({ b: 'void' })
    expect(look(will(0, 'a'), closed(2, 'a', 1, delayed)).wills).toEqual({ a: 'void' })
  })
  it('are due where they lie below the top, whose first record would have removed them', () => {
    expect(look(will(0, 'x'), live(2, 'a', 1)).wills).toEqual({ x: 'due' })
    expect(look(will(0, 'x'), closed(5, 'x', 1), live(4, 'a', 2)).wills).toEqual({ x: 'due' })
  })
  it('are orphans where no claim is known, above the top or spared by it', () => {
    expect(look(will(0, 'x')).wills).toEqual({ x: 'orphan' })
    expect(look(will(3, 'x'), live(2, 'a', 1)).wills).toEqual({ x: 'orphan' })
    expect(look(will(0, 'x'), live(2, 'a', 1, { spared: ['x'] })).wills).toEqual({ x: 'orphan' })
  })
  it('of an orphan count as any when its claim lands', () => {
    const facts = [will(0, 'x'), closed(2, 'a', 1, { spared: ['x'] }), claim(3, 'x', { willDelay: 0 })]
    expect(look(...facts).wills).toEqual({ x: 'armed' })
    expect(look(...facts, cut(4, 'x')).wills).toEqual({ x: 'due' })
  })
  it('go on under the epoch that renews theirs, unless somebody came between', () => {
    const facts = [will(0, 'a'), claim(1, 'a', { willDelay: 0 }), will(2, 'b')]
    const renewal = claim(3, 'b', { willDelay: 0, renews: 'a' })
    expect(look(...facts, renewal, cut(4, 'a'))).toMatchObject({ owner: 'b', wills: { a: 'cancelled', b: 'armed' } })
    const between = [...facts, renewal, claim(4, 'c'), cut(5, 'a')]
    expect(look(...between)).toMatchObject({ owner: 'c', wills: { a: 'due', b: 'void' } })
    const after = [...facts, claim(3, 'c', { clean: true }), { ...renewal, offset: 4 }, cut(5, 'c')]
    expect(look(...after)).toMatchObject({ owner: 'b', wills: { a: 'due', b: 'void' } })
    expect(viewOf(after).continued).toBe(false)
    expect(viewOf([...facts, renewal, cut(4, 'a')]).continued).toBe(true)
  })
})

describe('whose session it is', () => {
  const by = (owner: string, more: Partial<Claim> = {}) => ({ owner, ...more })
  const refusedOf = (...facts: Fact[]) => [...viewOf(facts).refused]

  it.each([
    ['connected', [claim(0, 'a', by('A'))]],
    ['connected, in a compacted log', [live(1, 'a', 0, { owner: 'A' })]],
    ['not connected', [closed(1, 'a', 0, { owner: 'A' })]],
    ['cut', [claim(0, 'a', by('A')), cut(1, 'a')]],
    ['left by nobody and taken by somebody', [closed(0, 'x', 0), claim(1, 'a', by('A'))]],
  ])('is not taken by others: %s', (_what, facts) => {
    for (const other of [claim(5, 'b', by('B')), claim(5, 'b', by('B', { clean: true })), claim(5, 'b')]) {
      const before = look(...facts)
      expect(look(...facts, other)).toEqual(before)
      expect(refusedOf(...facts, other)).toEqual(['b'])
      // whoever it belongs to comes after that as if nothing had been
      const own = claim(6, 'c', by('A', { clean: true }))
      expect(look(...facts, other, own)).toMatchObject({ owner: 'c', session: { sid: 'c', owner: 'A' } })
      expect(refusedOf(...facts, other, own)).toEqual(['b'])
    }
  })
  it('is open to everybody once it is over', () => {
    const over = [closed(1, 'a', 0, { owner: 'A' }), claim(2, 'b', by('B')), expire(3, 'a')]
    expect(look(...over)).toMatchObject({ owner: null, session: null })
    expect(look(...over, claim(4, 'c', by('C')))).toMatchObject({ owner: 'c', session: { sid: 'c', owner: 'C' } })
    const atOnce = closed(1, 'a', 0, { owner: 'A', expireAt: 1_000 })
    expect(look(atOnce, claim(2, 'b', by('B')))).toMatchObject({ owner: 'b', session: { sid: 'b', owner: 'B' } })
  })
  it('is nobody’s where nobody is known, and goes to whoever takes it', () => {
    expect(look(closed(1, 'a', 0), claim(2, 'b', by('B')))).toMatchObject({ session: { sid: 's', owner: 'B' } })
    expect(look(claim(1, 'a'), claim(2, 'b', by('B')), cut(3, 'a'))).toMatchObject({
      owner: 'b',
      session: { owner: 'B' },
    })
  })
  it('leaves the will of whoever was refused unsent', () => {
    const facts = [claim(0, 'a', by('A')), will(1, 'b'), claim(2, 'b', by('B', { willDelay: 0 })), cut(3, 'a')]
    expect(look(...facts).wills).toEqual({ b: 'void' })
    expect(look(...facts, expire(4, 'a')).wills).toEqual({ b: 'void' })
  })
})
