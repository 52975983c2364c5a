import { describe, expect, it } from 'vitest'
import {
  decodeDecision,
  decodeEpochRecord,
  decodeState,
  encodeCut,
  encodeValue,
  groupKey,
  instanceOf,
  newInstanceId,
  parseKey,
  sessionKey,
  versionOf,
} from './records.ts'

describe('keys', () => {
  it.each(['c', '', 'a#e#x.1', '100%', '%23', '#', 'é/日本', '%25#'])('are split again: %s', (clientId) => {
    for (const kind of ['e', 'w'] as const) {
      expect(parseKey(sessionKey(clientId, kind, 'i.1', null))).toEqual({ clientId, kind, epoch: 'i.1', writer: null })
    }
    for (const kind of ['cut', 'fire', 'expire'] as const) {
      const key = sessionKey(clientId, kind, 'i.1', 'h7.0')
      expect(parseKey(key)).toEqual({ clientId, kind, epoch: 'i.1', writer: 'h7.0' })
    }
    expect(parseKey(groupKey(clientId))).toEqual({ group: clientId })
  })

  it.each(['c', 'c#e', 'c#e#', 'c#e#i.1#w', 'c#cut#i.1', 'c#g#x', 'c#q#i.1', ''])('are none of ours: %s', (key) => {
    expect(parseKey(Buffer.from(key))).toBeNull()
    expect(parseKey(null)).toBeNull()
  })

  it('name the instance', () => {
    const id = newInstanceId()
    expect(id).toMatch(/^[a-z2-7]{10}$/)
    expect(instanceOf(`${id}.17`)).toBe(id)
    expect(newInstanceId()).not.toBe(id)
  })
})

describe('values', () => {
  const live = { k: 'live', rank: 7, i: 'i', sid: 'i.1', n: 3, expiry: 10, willDelay: 2 }

  it('begin with the version and end with the state, which the fields do not need', () => {
    const value = encodeValue(live, { a: ',"s":{' })
    expect(value.toString()).toBe(
      '{"v":1,"k":"live","rank":7,"i":"i","sid":"i.1","n":3,"expiry":10,"willDelay":2,"s":{"a":",\\"s\\":{"}}',
    )
    expect(decodeEpochRecord(value)).toEqual({ v: 1, ...live })
    expect(decodeState(value)).toEqual({ a: ',"s":{' })
    expect(decodeState(encodeValue(live))).toBeNull()
  })

  it('keep fields that a later program has added, wherever they stand', () => {
    const value = Buffer.from('{"k":"live","s":{"a":1},"later":[1],"rank":7,"i":"i","sid":"x","n":1,"expiry":1,"v":1}')
    expect(decodeEpochRecord(value)).toMatchObject({ later: [1], rank: 7 })
    expect(decodeState(value)).toEqual({ a: 1 })
  })

  it('of an owner that looks like a state are read', () => {
    const claim = { k: 'claim', i: 'i', at: 1, clean: true, expiry: 0, ver: 5, owner: ',"s":{}' }
    expect(decodeEpochRecord(encodeValue(claim))).toEqual({ v: 1, ...claim })
  })

  it.each([
    ['{"v":1,"k":"claim"}', 'known'],
    ['{"k":"claim","v":1}', 'known'],
    ['{"v":2}', 'unknown'],
    ['{"v":"1"}', 'unknown'],
    ['{}', 'nonsense'],
    ['[]', 'nonsense'],
    ['1', 'nonsense'],
    ['', 'nonsense'],
    ['{"v":1', 'nonsense'],
  ] as const)('have a version: %s is %s', (text, version) => {
    expect(versionOf(Buffer.from(text))).toBe(version)
  })

  it.each([
    '{"v":1,"k":"live"}',
    '{"v":1,"k":"live","rank":"7","i":"i","sid":"x","n":1,"expiry":1}',
    '{"v":1,"k":"closed","rank":7,"i":"i","sid":"x","at":1,"expiry":1,"will":"pending"}',
    '{"v":1,"k":"closed","rank":7,"i":"i","sid":"x","at":1,"expiry":1,"will":"maybe"}',
    '{"v":1,"k":"claim","i":"i","at":1,"clean":1,"expiry":1}',
    '{"v":1,"k":"claim","i":"i","at":-1,"clean":true,"expiry":1}',
    '{"v":1,"k":"claim","i":"i","at":1,"clean":true,"expiry":1,"willDelay":"x"}',
    '{"v":1,"k":"live","rank":7,"i":"i","sid":"x","n":1,"expiry":1,"spared":1}',
    '{"v":1,"k":"other","i":"i","expiry":1}',
    'null',
    '"x"',
    '{',
  ])('that make no sense are none: %s', (text) => {
    expect(decodeEpochRecord(Buffer.from(text))).toBeNull()
  })

  it('of decisions have a time', () => {
    expect(decodeDecision(encodeCut(5, 'i', 'grace'))).toEqual({ v: 1, at: 5, by: 'i', why: 'grace' })
    expect(decodeDecision(Buffer.from('{"v":1}'))).toBeNull()
    expect(decodeDecision(Buffer.from('x'))).toBeNull()
  })
})
