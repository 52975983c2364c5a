import { FakeClock } from '@zilla-ts/testing'
import { expect, it } from 'vitest'
import { type Deadline, DeadlineQueue } from './deadline-queue.ts'

class Item implements Deadline {
  dueIndex = -1
  dueAt = 0
  readonly name: string
  readonly #due: (item: Item) => void
  constructor(name: string, due: (item: Item) => void) {
    this.name = name
    this.#due = due
  }
  onDue(): void {
    this.#due(this)
  }
}

function rig() {
  const clock = new FakeClock()
  const queue = new DeadlineQueue(clock, () => {})
  const due: string[] = []
  const item = (name: string) => new Item(name, ({ name: which }) => due.push(`${which}@${clock.monotonic()}`))
  return { clock, queue, due, item, at: (ms: number) => clock.now() + ms }
}

it('tells each at its time, in order, with one timer', () => {
  const { clock, queue, due, item, at } = rig()
  const items = Array.from({ length: 200 }, (_, n) => item(String((n * 37) % 200)))
  for (const one of items) queue.set(one, at(Number(one.name)))
  expect(clock.pending).toBe(1)
  clock.advance(199)
  expect(due).toEqual(Array.from({ length: 200 }, (_, n) => `${n}@${n}`))
  expect(queue.size).toBe(0)
  expect(clock.pending).toBe(0)
})

it('moves and removes deadlines', () => {
  const { clock, queue, due, item, at } = rig()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(item) as [Item, Item, Item, Item]
  for (const [one, ms] of [
    [a, 10],
    [b, 20],
    [c, 30],
    [d, 40],
  ] as const) {
    queue.set(one, at(ms))
  }
  queue.set(c, at(5))
  queue.set(a, at(50))
  queue.remove(b)
  queue.remove(b)
  queue.set(d, Number.POSITIVE_INFINITY)
  clock.advance(100)
  expect(due).toEqual(['c@5', 'a@50'])
})

it('may be used from inside', () => {
  const { clock, queue, due, item, at } = rig()
  const again = new Item('again', (self) => {
    due.push(`again@${clock.monotonic()}`)
    if (due.length < 3) queue.set(self, at(10))
  })
  queue.set(again, at(0))
  queue.set(item('later'), at(100))
  clock.advance(100)
  expect(due).toEqual(['again@0', 'again@10', 'again@20', 'later@100'])
})

it('lets others have a turn between many that are due at once', () => {
  const { clock, queue, due, item, at } = rig()
  let seen = -1
  for (let n = 0; n < 1_200; n++) queue.set(item(String(n)), at(10))
  clock.after(10, {
    run: () => {
      seen = due.length
    },
    fault: () => {},
  })
  clock.advance(10)
  expect(seen).toBe(500)
  expect(due).toHaveLength(1_200)
})

it('goes on after one that throws', () => {
  const { clock, queue, due, item, at } = rig()
  queue.set(
    new Item('bad', () => {
      throw new Error('bad')
    }),
    at(1),
  )
  queue.set(item('good'), at(1))
  clock.advance(2)
  expect(due).toEqual(['good@1'])
})

it('stops', () => {
  const { clock, queue, due, item, at } = rig()
  const a = item('a')
  queue.set(a, at(10))
  queue.stop()
  clock.advance(20)
  expect([due, clock.pending, a.dueIndex]).toEqual([[], 0, -1])
})
