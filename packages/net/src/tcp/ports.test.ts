import { describe, expect, it } from 'vitest'
import { expandPorts, type PortSpec } from './ports.ts'

describe('expandPorts', () => {
  it.each<[PortSpec, number[]]>([
    [7183, [7183]],
    ['7183', [7183]],
    ['7183-7185', [7183, 7184, 7185]],
    [
      [1, '3-4', 4],
      [1, 3, 4],
    ],
    [0, [0]],
    [65_535, [65_535]],
    [[], []],
  ])('%j is %j', (spec, ports) => {
    expect(expandPorts(spec)).toEqual(ports)
  })

  it.each<[PortSpec, string]>([
    ['7190-7183', 'range 7190-7183 is empty'],
    [70_000, '70000 is not a port'],
    [-1, '-1 is not a port'],
    ['80-70000', '80-70000 is not a port'],
    ['http', 'http is not a port'],
  ])('%j is refused', (spec, message) => {
    expect(() => expandPorts(spec)).toThrow(message)
  })
})
