import { expect, test } from 'vitest'
import { PacketIds } from './packet-ids.ts'

const a = { exitAt: 0, stream: null }
const b = { exitAt: 0, stream: null }

test('an exit keeps its identifiers where nobody else has them [MQTT-2.2.1-4]', () => {
  const ids = new PacketIds()
  expect([ids.take(a, 1), ids.take(a, 2), ids.take(b, 3)]).toEqual([1, 2, 3])
  expect(ids.find(3)).toEqual({ source: b, packetId: 3 })
  expect(ids.find(4)).toBeNull()
  expect(ids.size).toBe(3)
})

test('the second exit with the same identifier gets another on the wire, the same one until it is over', () => {
  const ids = new PacketIds()
  ids.take(a, 1)
  const moved = ids.take(b, 1)
  expect(moved).toBe(65_535)
  expect(ids.take(b, 1)).toBe(moved)
  expect(ids.take(a, 1)).toBe(1)
  expect(ids.find(moved)).toEqual({ source: b, packetId: 1 })
  ids.release(1)
  ids.release(moved)
  ids.release(moved)
  expect(ids.size).toBe(0)
  expect(ids.take(b, 1)).toBe(1)
})

test('steps over identifiers in use from above', () => {
  const ids = new PacketIds()
  ids.take(a, 65_535)
  ids.take(a, 65_534)
  ids.take(a, 1)
  expect(ids.take(b, 1)).toBe(65_533)
})

test('ends when every identifier is in use', () => {
  const ids = new PacketIds()
  for (let packetId = 1; packetId <= 65_535; packetId++) ids.take(a, packetId)
  expect(ids.take(b, 7)).toBe(7)
  expect(ids.size).toBe(65_535)
})
