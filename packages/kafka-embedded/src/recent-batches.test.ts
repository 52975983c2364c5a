import { describe, expect, it } from 'vitest'
import { RecentBatches } from './recent-batches.ts'

describe('RecentBatches', () => {
  it('finds the batch that holds an offset, of those that have room', () => {
    const recent = new RecentBatches()
    expect(recent.at(0)).toBe(null)
    const batches = Array.from({ length: 10 }, (_, n) => Buffer.alloc(10, n))
    for (const [n, batch] of batches.entries()) recent.add(n * 3, n * 3 + 3, batch, 45)
    for (let offset = 0; offset < 18; offset++) expect(recent.at(offset)).toBe(null)
    for (let offset = 18; offset < 30; offset++) expect(recent.at(offset)).toBe(batches[Math.floor(offset / 3)])
    expect(recent.at(30)).toBe(null)
  })

  it('keeps the newest, whatever its size', () => {
    const recent = new RecentBatches()
    recent.add(0, 1, Buffer.alloc(10), 100)
    const large = Buffer.alloc(1_000)
    recent.add(1, 2, large, 100)
    expect([recent.at(0), recent.at(1)]).toEqual([null, large])
    recent.clear()
    expect(recent.at(1)).toBe(null)
  })
})
