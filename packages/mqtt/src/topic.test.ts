import { describe, expect, it } from 'vitest'
import {
  filterMatchesTopic,
  hasWildcard,
  isMqttString,
  isShared,
  isTopicFilter,
  isTopicName,
  levels,
  parseShared,
  withinLevels,
} from './topic.ts'

describe('isTopicName', () => {
  it.each([
    'a',
    '/',
    'a/b',
    '/a',
    'a/',
    'a//b',
    'A b',
    '$SYS/x',
    'é€😀',
    '\ufeff',
    'x'.repeat(65_535),
    '€'.repeat(21_845),
  ])('takes %j', (name) => expect(isTopicName(name)).toBe(true))

  it.each([
    ['empty [MQTT-4.7.3-1]', ''],
    ['+ [MQTT-4.7.1-1]', 'a/+'],
    ['# [MQTT-4.7.1-1]', '#'],
    ['+ in a level', 'a+b'],
    ['U+0000 [MQTT-4.7.3-2]', 'a\0b'],
    ['a high surrogate alone [MQTT-1.5.4-1]', 'a\ud800b'],
    ['a high surrogate at the end', 'a\udbff'],
    ['a low surrogate alone', '\udc00a'],
    ['65,536 bytes [MQTT-4.7.3-3]', 'x'.repeat(65_536)],
    ['65,538 bytes of three-byte characters', '€'.repeat(21_846)],
    ['65,536 bytes of four-byte characters', '😀'.repeat(16_384)],
  ])('refuses %s', (_name, name) => expect(isTopicName(name)).toBe(false))
})

describe('isTopicFilter', () => {
  it.each(['#', '+', '/', 'a', 'a/#', 'a/+', '+/a', '+/+/#', '/+', '/#', '+/', 'a//#', '$share', '$SYS/#', 'a/$b'])(
    'takes %s',
    (filter) => expect(isTopicFilter(filter)).toBe(true),
  )

  it.each(['', 'a#', '#/', '#/a', 'a/#/b', '##', '+#', '#+', 'a+', '+a', 'a/+b/c', 'a/b+', '++', 'a\0', '\ud800'])(
    'refuses %j [MQTT-4.7.1-1] [MQTT-4.7.1-2]',
    (filter) => expect(isTopicFilter(filter)).toBe(false),
  )
})

describe('parseShared', () => {
  it.each([
    ['$share/g/a', 'g', 'a'],
    ['$share/g/#', 'g', '#'],
    ['$share/g//a', 'g', '/a'],
    ['$share/$share/a/+', '$share', 'a/+'],
    ['$share/g/$share/h/a', 'g', '$share/h/a'],
  ])('parts %s', (filter, group, inner) => expect(parseShared(filter)).toEqual({ group, filter: inner }))

  it.each([
    '$share',
    '$share/',
    '$share/g',
    '$share/g/',
    '$share//a',
    '$share/+/a',
    '$share/g#/a',
    '$share/g/a#',
    'share/g/a',
    '$SHARE/g/a',
  ])('refuses %s [MQTT-4.8.2-1] [MQTT-4.8.2-2]', (filter) => expect(parseShared(filter)).toBeNull())

  it('knows the intent from the form', () => {
    expect(['$share/', '$share/g', '$share', '$shared/g/a', 'a/$share/b'].map(isShared)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })
})

/** From §4.7.1 and §4.7.2, and what follows from them. */
const MATCHES: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'A', false],
  ['a', 'ab', false],
  ['ab', 'a', false],
  ['a', '/a', false],
  ['a/b', 'a/b', true],
  ['a/b', 'a', false],
  ['a', 'a/b', false],
  ['a/', 'a', false],
  ['a', 'a/', false],
  ['a/', 'a/', true],
  ['#', 'a', true],
  ['#', '/', true],
  ['#', 'a/b/c', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/tennis/player1/#', 'sport/tennis/player10', false],
  ['sport/#', 'sport', true],
  ['sport/#', 'sports', false],
  ['sport/#', 'spor', false],
  ['a/#', 'a/', true],
  ['a/#', 'b', false],
  ['/#', '/', true],
  ['/#', '/a', true],
  ['/#', 'a', false],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+', 'a', true],
  ['+', '/', false],
  ['+', '/a', false],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', 'finance/', false],
  ['+/', 'finance/', true],
  ['+/a', 'b/a', true],
  ['+/a', '/a', true],
  ['+/a', 'a', false],
  ['+/+/+', 'a/b', false],
  ['+/+/+', 'a//b', true],
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a//c', true],
  ['a/+/c', 'a/b/d', false],
  ['a/+/c', 'a/b', false],
  ['a/+/#', 'a', false],
  ['a/+/#', 'a/b', true],
  ['a/+/#', 'a/b/c/d', true],
  ['+/#', 'a', true],
  ['+/#', '/', true],
  ['#', '$SYS', false],
  ['#', '$SYS/a', false],
  ['+/a', '$SYS/a', false],
  ['+', '$SYS', false],
  ['$SYS/#', '$SYS/a', true],
  ['$SYS/#', '$SYS', true],
  ['$SYS/+', '$SYS/a', true],
  ['$SYS/a', '$SYS/a', true],
  ['a/+', 'a/$b', true],
  ['a/#', 'a/$b', true],
  ['é/+', 'é/😀', true],
]

/** The rules once more, by levels: slow and plain. */
function matchesByLevels(filter: string, topic: string): boolean {
  const wanted = levels(filter)
  const given = levels(topic)
  if (topic.startsWith('$') && hasWildcard(wanted[0]!)) return false
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= given.length) return false
    if (level !== '+' && level !== given[i]) return false
    if (i === given.length - 1 && wanted.length === i + 2 && wanted[i + 1] === '#') return true
  }
  return wanted.length === given.length
}

describe('filterMatchesTopic', () => {
  it.each(MATCHES)('%s, topic %s: %s', (filter, topic, matches) => {
    expect(filterMatchesTopic(filter, topic)).toBe(matches)
    expect(matchesByLevels(filter, topic)).toBe(matches)
  })

  it('agrees with the rules by levels on all short filters and topics', () => {
    const words = (levelWords: readonly string[], depth: number): string[] =>
      depth === 1
        ? [...levelWords]
        : words(levelWords, depth - 1).flatMap((word) => levelWords.map((next) => `${word}/${next}`))
    const filters = [1, 2, 3].flatMap((depth) => words(['', 'a', 'bc', '+', '#', '$x'], depth)).filter(isTopicFilter)
    const topics = [1, 2, 3, 4].flatMap((depth) => words(['', 'a', 'bc', '$x'], depth)).filter(isTopicName)
    const differing = filters.flatMap((filter) =>
      topics
        .filter((topic) => filterMatchesTopic(filter, topic) !== matchesByLevels(filter, topic))
        .map((topic) => `${filter} ${topic}`),
    )
    expect(differing).toEqual([])
    expect(filters.length * topics.length).toBeGreaterThan(50_000)
  })
})

describe('levels', () => {
  it.each([
    ['a', ['a']],
    ['/', ['', '']],
    ['a//b/', ['a', '', 'b', '']],
  ])('of %s', (topic, parts) => {
    expect(levels(topic)).toEqual(parts)
    expect(withinLevels(topic, parts.length)).toBe(true)
    expect(withinLevels(topic, parts.length - 1)).toBe(false)
  })

  it('of a long topic are counted', () => {
    expect(withinLevels(`${'a/'.repeat(199)}a`, 200)).toBe(true)
    expect(withinLevels(`${'a/'.repeat(200)}a`, 200)).toBe(false)
    expect(withinLevels('a'.repeat(1000), 1)).toBe(true)
  })
})

it('isMqttString takes what a field can carry', () => {
  expect(['', 'a', '+', 'x'.repeat(65_535)].every(isMqttString)).toBe(true)
  expect(['\0', '\udfff', 'x'.repeat(65_536)].some(isMqttString)).toBe(false)
})
