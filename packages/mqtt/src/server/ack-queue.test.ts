import { expect, test } from 'vitest'
import { AckQueue } from './ack-queue.ts'

interface Source {
  acked: number
}

function drain(queue: AckQueue): [packetId: number, reasonCode: number][] {
  const answers: [number, number][] = []
  for (; queue.settled; queue.shift()) answers.push([queue.packetId, queue.reasonCode])
  return answers
}

test('answers in the order of the packets, over two sources', () => {
  const queue = new AckQueue()
  const a: Source = { acked: 0 }
  const b: Source = { acked: 0 }
  queue.push(1, 1, a, 1)
  queue.push(2, 1, b, 1)
  queue.push(3, 1, a, 3)
  b.acked = 1
  expect(drain(queue)).toEqual([])
  a.acked = 2
  expect(drain(queue)).toEqual([
    [1, 0],
    [2, 0],
  ])
  a.acked = 3
  expect(drain(queue)).toEqual([[3, 0]])
  expect(queue.length).toBe(0)
})

test('a refusal is answered in its turn, wherever it was made', () => {
  const queue = new AckQueue()
  const a: Source = { acked: 0 }
  queue.push(1, 1, a, 1)
  queue.pushRefused(2, 1, 0x87)
  queue.push(3, 1, a, 2)
  queue.refuse(a, 2, 0x97)
  queue.refuse(a, 5, 0x90)
  expect(drain(queue)).toEqual([])
  a.acked = 2
  expect(drain(queue)).toEqual([
    [1, 0],
    [2, 0x87],
    [3, 0x97],
  ])
})

test('knows which kind of answer each packet gets', () => {
  const queue = new AckQueue()
  const a: Source = { acked: 20 }
  for (let packetId = 1; packetId <= 20; packetId++) {
    if (packetId % 5 === 0) queue.pushRefused(packetId, 1 + (packetId % 2), 0x87)
    else queue.push(packetId, 1 + (packetId % 2), a, packetId)
  }
  for (let packetId = 1; packetId <= 20; packetId++, queue.shift()) {
    expect([queue.packetId, queue.qos]).toEqual([packetId, 1 + (packetId % 2)])
  }
})

test('grows while its head is anywhere in the ring', () => {
  const queue = new AckQueue()
  const a: Source = { acked: 0 }
  let pushed = 0
  let taken = 0
  for (let round = 1; round < 60; round++) {
    for (let i = 0; i < round; i++) queue.push(++pushed, 1, a, pushed)
    a.acked = pushed - 2
    for (const [packetId, reasonCode] of drain(queue)) expect([packetId, reasonCode]).toEqual([++taken, 0])
    expect(queue.length).toBe(pushed - taken)
  }
  a.acked = pushed
  expect(drain(queue).at(-1)).toEqual([pushed, 0])
})
