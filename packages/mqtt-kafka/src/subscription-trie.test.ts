import { filterMatchesTopic, isTopicFilter } from '@zilla-ts/mqtt'
import { describe, expect, it } from 'vitest'
import { SubscriptionTrie } from './subscription-trie.ts'

function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
}

const LEVELS = ['', 'a', 'b', '$x', 'c']

function randomTopic(next: (below: number) => number): string {
  return Array.from({ length: 1 + next(4) }, () => LEVELS[next(LEVELS.length)]!).join('/')
}

function randomFilter(next: (below: number) => number): string {
  const levels = Array.from({ length: 1 + next(4) }, () => (next(3) === 0 ? '+' : LEVELS[next(LEVELS.length)]!))
  if (next(3) === 0) levels.push('#')
  return levels.join('/')
}

describe('subscription trie', () => {
  it('finds what filterMatchesTopic finds, whatever comes and goes', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = random(seed)
      const trie = new SubscriptionTrie<{ filter: string }>()
      let present: { filter: string }[] = []
      for (let step = 0; step < 60; step++) {
        const filter = randomFilter(next)
        if (!isTopicFilter(filter)) continue
        if (next(3) > 0 || present.length === 0) {
          const added = { filter }
          trie.add(added)
          present.push(added)
        } else {
          const removed = present[next(present.length)]!
          expect(trie.remove(removed)).toBe(true)
          present = present.filter((one) => one !== removed)
        }
        const topic = randomTopic(next)
        if (topic === '') continue
        const found: { filter: string }[] = []
        trie.match(topic, found)
        expect(new Set(found), `seed ${seed}, ${topic}`).toEqual(
          new Set(present.filter((one) => filterMatchesTopic(one.filter, topic))),
        )
        expect(found).toHaveLength(new Set(found).size)
      }
      for (const one of present) trie.remove(one)
      expect(trie.nodes).toBe(0)
    }
  })

  it('says when results are out of date', () => {
    const trie = new SubscriptionTrie<{ filter: string }>()
    const one = { filter: 'a' }
    const { version } = trie
    trie.add(one)
    expect(trie.version).not.toBe(version)
    expect(trie.remove({ filter: 'a' })).toBe(false)
    expect(trie.remove({ filter: 'a/+/x' })).toBe(false)
    expect(trie.remove(one)).toBe(true)
  })
})
