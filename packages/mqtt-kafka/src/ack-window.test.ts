import { Side, type Stream, StreamError } from '@zilla-ts/engine'
import type { Mqtt } from '@zilla-ts/mqtt'
import { Recorder } from '@zilla-ts/testing'
import { expect, it } from 'vitest'
import { AckWindow } from './ack-window.ts'

function open(): { window: AckWindow; client: Recorder<Mqtt> } {
  const client = new Recorder<Mqtt>()
  let side: Stream<Mqtt> | undefined
  Side.connect<Mqtt>(
    { kind: 'publish', clientId: 'c', version: 5 },
    null,
    client,
    (_open, stream) => {
      side = stream
      return new Recorder<Mqtt>()
    },
    { initiator: 'a', acceptor: 'b' },
    (_where, error) => expect.fail(String(error)),
  )
  return { window: new AckWindow(side!), client }
}

it('acknowledges in the order of the publishes, when all copies are answered', () => {
  const { window, client } = open()
  const [a, b, c] = [window.open(1), window.open(2), window.open(1)]
  window.settle(c)
  window.settle(b)
  expect(window.flush()).toBe(0)
  window.settle(a)
  expect(window.flush()).toBe(1)
  window.settle(b)
  expect(window.flush()).toBe(2)
  expect(client.acks).toEqual([{ through: 1 }, { through: 3 }])
  expect(window.empty).toBe(true)
})

it('names each refused publish, and only it', () => {
  const { window, client } = open()
  const numbers = Array.from({ length: 5 }, (_, at) => window.open(at === 1 ? 2 : 1))
  const error = new StreamError('too-large', 'x')
  for (const number of numbers) window.settle(number, number === 2 || number === 3 ? error : undefined)
  window.settle(2)
  expect(window.flush()).toBe(3)
  expect(client.acks).toEqual([{ through: 2, refused: error }, { through: 3, refused: error }, { through: 5 }])
})

it('grows with what is under way', () => {
  const { window, client } = open()
  for (let round = 0; round < 3; round++) {
    const numbers = Array.from({ length: 500 }, () => window.open(1))
    for (const number of numbers.toReversed()) window.settle(number)
    window.flush()
  }
  expect(client.acks.at(-1)).toEqual({ through: 1_500 })
  expect(window.empty).toBe(true)
})
