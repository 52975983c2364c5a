import { expect, it } from 'vitest'
import { FilterCover } from './filter-cover.ts'

type Routes = readonly (readonly [topic: string, guarded?: Record<string, string[]>, limited?: boolean])[]

/** Numbers of the routes, from 1, that are taken, with the one that takes them. */
function taken(routes: Routes, spans = false): string[] {
  const cover = new FilterCover({ spans })
  return routes.flatMap(([topic, guarded = {}, limited = false], at) =>
    cover
      .check(at, { guarded }, [{ path: [at], topic, limited }])
      .map(({ path, message }) => `${Number(path[0]) + 1} by ${/route (\d+)/.exec(message)?.[1]}`),
  )
}

it.each<[string, Routes, string[]]>([
  ['the same', [['a/b'], ['a/b']], ['2 by 1']],
  ['different topics', [['a/b'], ['a/c'], ['a'], ['a/b/c']], []],
  ['#', [['a/#'], ['a'], ['a/b/c'], ['a/+'], ['a/#'], ['b']], ['2 by 1', '3 by 1', '4 by 1', '5 by 1']],
  ['everything', [['#'], ['a'], ['+/b'], ['/'], ['$SYS/x'], ['$SYS/#']], ['2 by 1', '3 by 1', '4 by 1']],
  ['+', [['a/+/c'], ['a/b/c'], ['a/+/c'], ['a/{x}/c'], ['a/#'], ['a/b']], ['2 by 1', '3 by 1', '4 by 1', '6 by 5']],
  ['+ at the start and $', [['+/a'], ['$b/a'], ['b/a']], ['3 by 1']],
  ['a wider one later', [['a/b'], ['a/+'], ['a/#']], []],
  ['placeholders by whatever name', [['a/{x}'], ['a/{y}'], ['a/b'], ['a/+']], ['2 by 1']],
  ['asking for more later', [['a', { g: ['r'] }], ['a', { g: ['r', 's'] }], ['a', { g: [] }], ['a']], ['2 by 1']],
  [
    'asking for another guard',
    [
      ['a', { g: [] }],
      ['a', { h: [] }],
      ['a', { g: [], h: [] }],
    ],
    ['3 by 1'],
  ],
  ['what something else limits', [['a', {}, true], ['a']], []],
])('%s', (_, routes, expected) => {
  expect(taken(routes)).toEqual(expected)
})

it('a placeholder of several levels is taken only by a rest', () => {
  expect(taken([['a/+'], ['a/{x}'], ['a/#'], ['a/{x}/b']], true)).toEqual(['4 by 3'])
})
