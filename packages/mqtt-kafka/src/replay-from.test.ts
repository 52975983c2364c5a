import { describe, expect, it } from 'vitest'
import { firstOffset, replayFrom } from './replay-from.ts'

const asked = (...values: string[]) => replayFrom(values.map((value) => ['zilla:from', value] as const))

describe('zilla:from', () => {
  it.each<[string, unknown]>([
    ['start', { kind: 'start' }],
    ['2026-01-02T03:04:05Z', { kind: 'time', time: Date.UTC(2026, 0, 2, 3, 4, 5) }],
    ['2026-01-02T03:04:05.250+02:00', { kind: 'time', time: Date.UTC(2026, 0, 2, 1, 4, 5, 250) }],
    ['1960-01-01T00:00:00Z', { kind: 'time', time: 0 }],
    ['3:0', { kind: 'offsets', offsets: new Map([[3, 0]]) }],
    [
      '0:12,1:7',
      {
        kind: 'offsets',
        offsets: new Map([
          [0, 12],
          [1, 7],
        ]),
      },
    ],
  ])('%s', (value, expected) => {
    expect(asked(value)).toEqual(expected)
  })

  it.each([
    '',
    'Start',
    'end',
    '2026-01-02',
    '2026-01-02T03:04:05',
    '2026-13-02T03:04:05Z',
    '0:',
    '0:-1',
    '0:1,',
    '1',
    '0:1,0:2',
  ])('refuses %s', (value) => {
    expect(typeof asked(value)).toBe('string')
  })

  it('refuses two of them, and knows no other property', () => {
    expect(typeof asked('start', 'start')).toBe('string')
    expect(replayFrom([['zilla:form', 'start']])).toBe(null)
  })

  it.each<[string, number, number, number]>([
    ['start', 0, 5, 5],
    ['0:9', 0, 5, 9],
    ['0:1', 0, 5, 5],
    ['0:9', 1, 5, Number.MAX_SAFE_INTEGER],
  ])('%s begins in partition %i, whose first offset is %i, at %i', (value, partition, start, expected) => {
    const from = asked(value)
    if (from === null || typeof from === 'string') throw new Error('refused')
    expect(firstOffset(from, partition, start)).toBe(expected)
  })
})
