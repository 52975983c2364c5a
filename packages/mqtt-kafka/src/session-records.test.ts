import { expect, it } from 'vitest'
import { claimValue, closedValue, epochKey, newInstanceId } from './session-records.ts'

it('writes keys that can be split from the right', () => {
  expect(epochKey('client-1', 'abc.1').toString()).toBe('client-1#e#abc.1')
  expect(epochKey('a#b%c', 'abc.2').toString()).toBe('a%23b%25c#e#abc.2')
})

it('writes values that people can read', () => {
  const claim = { instance: 'i', at: 5, clean: true, expiry: 0, version: 5 as const, user: null }
  expect(claimValue(claim).toString()).toBe('{"v":1,"k":"claim","i":"i","at":5,"clean":true,"expiry":0,"ver":5}')
  expect(JSON.parse(claimValue({ ...claim, user: 'u' }).toString())).toMatchObject({ user: 'u' })
  expect(closedValue({ instance: 'i', at: 6, reason: 'normal', code: 0 }).toString()).toBe(
    '{"v":1,"k":"closed","i":"i","at":6,"reason":"normal","will":"none","code":0}',
  )
  expect(
    JSON.parse(closedValue({ instance: 'i', at: 6, reason: 'abnormal', code: null }).toString()),
  ).not.toHaveProperty('code')
})

it('names instances by ten characters of base32', () => {
  expect(newInstanceId()).toMatch(/^[a-z2-7]{10}$/)
  expect(newInstanceId()).not.toBe(newInstanceId())
})
