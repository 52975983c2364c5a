import { expect, test } from 'vitest'
import { openFilesMax, safeConnections } from './open-files.ts'

test.each([
  [20_000, 19_000],
  [1_024, 921],
  [100, 68],
  [20, 1],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
])('with %d files open at most, %d connections are safe', (files, connections) => {
  expect(safeConnections(files)).toBe(connections)
})

test('this process has a limit, or none', () => {
  expect(openFilesMax()).toBeGreaterThan(0)
})
