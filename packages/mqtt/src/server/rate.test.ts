import { expect, test } from 'vitest'
import { KeyedRate, Rate } from './rate.ts'

test('a bucket gives what it holds at once, then at its rate', () => {
  const rate = new Rate(10, 2)
  let bucket = 0
  const take = (now: number) => {
    const next = rate.take(bucket, 1, now)
    if (rate.owedMs(next, now) > 0) return false
    bucket = next
    return true
  }
  const taken = (now: number) => {
    let count = 0
    while (take(now)) count++
    return count
  }
  expect(taken(1_000)).toBe(20)
  expect(taken(1_099)).toBe(0)
  expect(taken(1_100)).toBe(1)
  expect(taken(2_100)).toBe(10)
  // never more than it holds, however long nobody came
  expect(taken(1_000_000)).toBe(20)
})

test('what is owed is told, and no single cost is more than a full bucket', () => {
  const rate = new Rate(100, 1)
  expect(Math.round(rate.owedMs(rate.take(0, 1, 0), 0))).toBe(-990)
  expect(Math.round(rate.owedMs(rate.take(rate.take(0, 100, 0), 50, 0), 0))).toBe(500)
  expect(rate.owedMs(rate.take(0, 1_000_000, 0), 0)).toBeCloseTo(0)
})

test('less than one token in the time of a full bucket is still one', () => {
  const rate = new KeyedRate(new Rate(0.1, 1), 10)
  expect([rate.take('a', 0), rate.take('a', 9_000), rate.take('a', 10_000)]).toEqual([true, false, true])
})

test('keys do not share a bucket, and a flood of them keeps within its bound', () => {
  const rate = new KeyedRate(new Rate(1, 1), 100)
  expect([rate.take('a', 0), rate.take('a', 0), rate.take('b', 0)]).toEqual([true, false, true])
  for (let i = 0; i < 10_000; i++) rate.take(`key${i}`, 1)
  expect(rate.size).toBeLessThanOrEqual(100)
  // the newest are known, and those that are full again are not kept
  expect(rate.take('key9999', 1)).toBe(false)
  for (let i = 0; i < 100; i++) rate.take(`later${i}`, 10_000)
  expect(rate.size).toBe(100)
  expect(rate.take('later0', 10_000)).toBe(false)
})
