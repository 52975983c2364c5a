import { expect, it } from 'vitest'
import { RetainedFlights } from './retained-flights.ts'

it('lets nobody wait for what is not under way', () => {
  const flights = new RetainedFlights()
  const landed: string[] = []
  flights.wait(() => landed.push('at once'))
  const first = flights.boardRetained()
  flights.wait(() => landed.push('first'))
  const second = flights.boardRetained()
  flights.wait(() => landed.push('both'))
  flights.wait(() => landed.push('both too'))
  expect(landed).toEqual(['at once'])
  second.land()
  expect(landed).toEqual(['at once'])
  first.land()
  expect(landed).toEqual(['at once', 'first', 'both', 'both too'])
  expect(flights.size).toBe(0)
})

it('knows the topics whose messages are under way', () => {
  const flights = new RetainedFlights()
  const [a, again, b] = [flights.boardMessage('a'), flights.boardMessage('a'), flights.boardMessage('b')]
  a.land()
  expect([...flights.topics()]).toEqual(['a', 'b'])
  again.land()
  b.land()
  expect(flights.topics().size).toBe(0)
})
