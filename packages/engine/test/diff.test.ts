/** What a comparison of two documents says: changes of entries, and the reach of a change. */
import { describe, expect, it } from 'vitest'
import { type ConfigDiff, diffConfigs, loadConfig, pointer } from '../src/index.ts'
import { testRegistry } from './modules.ts'

const BASE = `name: a
stores: { memory: { type: memory } }
guards: { jwt: { type: jwt, options: { issuer: one } } }
catalogs: { schemas: { type: inline, options: { subjects: { s: { schema: "{}" } } } } }
bindings:
  north: { type: tcp, kind: server, options: { port: 1 }, exit: middle }
  middle:
    type: mqtt
    kind: server
    options: { store: memory, topics: [{ content: { model: json, catalog: { schemas: [{ subject: s }] } } }] }
    routes:
      - { guarded: { jwt: [read] }, exit: south }
      - { guarded: { jwt: [write] }, exit: south }
  south: { type: mqtt, kind: client, exit: dial }
  dial: { type: tcp, kind: client }
  other: { type: tcp, kind: server, options: { port: 2 }, exit: echo }
  echo: { type: echo, kind: server }
`

function configs(text: string) {
  const { namespaces, problems } = loadConfig({ text, file: 'zilla.yaml', registry: testRegistry(), environment: {} })
  expect(problems.filter(({ level }) => level === 'error')).toEqual([])
  return namespaces
}

function diff(after: string, before = BASE): ConfigDiff {
  return diffConfigs(configs(before), configs(after))
}

const changed = ({ changes }: ConfigDiff) =>
  changes.map(({ id, change, paths }) => [change, id, ...paths.map(pointer)].join(' '))
const affected = (result: ConfigDiff) => result.affected.map(({ id }) => id)

/** The base with a piece of its text replaced. */
function edited(from: string, to: string): string {
  expect(BASE).toContain(from)
  return BASE.replace(from, to)
}

describe('diffConfigs', () => {
  it('of a document and itself is nothing', () => {
    expect(diff(BASE)).toEqual({ changes: [], affected: [] })
  })

  it.each([
    ['defaults written out', edited('kind: client, exit: dial', 'kind: client, options: {}, exit: dial')],
    ['comments', `# new\n${BASE}`],
    ['the order of properties', edited('{ type: echo, kind: server }', '{ kind: server, type: echo }')],
    [
      'the order of entries',
      `${BASE.replace('  echo: { type: echo, kind: server }\n', '').replace('bindings:\n', 'bindings:\n  echo: { type: echo, kind: server }\n')}`,
    ],
  ])('does not see %s', (_, after) => {
    expect(diff(after)).toEqual({ changes: [], affected: [] })
  })

  it.each([
    ['a value', 'port: 1', 'port: 3', ['changed a:north /options/port'], []],
    [
      'a value that appears',
      '{ type: tcp, kind: client }',
      '{ type: tcp, kind: client, options: { host: h } }',
      ['changed a:dial /options'],
      ['a:north', 'a:middle', 'a:south'],
    ],
    ['an item of a list', '[read]', '[admin]', ['changed a:middle /routes/0/guarded/jwt/0'], ['a:north']],
    ['the length of a list', '[read]', '[read, admin]', ['changed a:middle /routes/0/guarded/jwt'], ['a:north']],
    ['a guard', 'issuer: one', 'issuer: two', ['changed a:jwt /options/issuer'], ['a:north', 'a:middle']],
    ['a catalog', '"{}"', '"true"', ['changed a:schemas /options/subjects/s/schema'], ['a:north', 'a:middle']],
    [
      'an exit',
      'kind: server, options: { port: 2 }, exit: echo',
      'kind: server, options: { port: 2 }, exit: middle',
      ['changed a:other /exit'],
      [],
    ],
    [
      'a type',
      'echo: { type: echo, kind: server }',
      'echo: { type: mqtt, kind: server, exit: south }',
      ['changed a:echo /type /exit /options'],
      ['a:other'],
    ],
  ])('sees %s, and who is concerned', (_, from, to, changes, reached) => {
    const result = diff(edited(from, to))
    expect(changed(result)).toEqual(changes)
    expect(affected(result)).toEqual(reached)
  })

  it('sees entries that come and go, those that others need first', () => {
    const after = `${BASE}  fresh: { type: tcp, kind: server, options: { port: 4 }, exit: echo }\n`
      .replace(/ {2}other: .*\n/, '')
      .replace('stores: {', 'stores: { spare: { type: memory },')
    const result = diff(after)
    expect(changed(result)).toEqual(['added a:spare', 'added a:fresh', 'removed a:other'])
    expect(affected(result)).toEqual([])
  })

  it('takes another namespace for other entries', () => {
    const result = diff('name: b\nbindings: { echo: { type: echo, kind: server } }\n')
    expect(changed(result)).toContain('added b:echo')
    expect(changed(result)).toContain('removed a:echo')
  })

  it('sees what is concerned in another document of the file', () => {
    const across = `${BASE}---\nname: b\nbindings: { in: { type: tcp, kind: server, options: { port: 5 }, exit: "a:middle" } }\n`
    const result = diff(across.replace('issuer: one', 'issuer: two'), across)
    expect(affected(result)).toEqual(['a:north', 'a:middle', 'b:in'])
  })
})
