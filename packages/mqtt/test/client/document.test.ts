/** What a document may say of an mqtt client, and what it is told when it says something else. */
import { createRegistry, loadConfig } from '@zilla-ts/engine'
import { tcp } from '@zilla-ts/net'
import { describe, expect, it } from 'vitest'
import { mqtt } from '../../src/binding.ts'

const registry = createRegistry({ bindings: [tcp, mqtt as never] })

/** Level, code and message of each problem; `entry` is what the client's entry says beside type and kind. */
function problemsOf(entry: string): string[] {
  const text = `name: test
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 7183 }, exit: server }
  server: { type: mqtt, kind: server, exit: client }
  client: { type: mqtt, kind: client, ${entry} }
  south: { type: tcp, kind: client }
`
  const { problems } = loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
  return problems.map(({ level, code, message }) => `${level} ${code} ${message}`)
}

describe('an mqtt client', () => {
  it.each([
    'exit: south',
    'exit: south, options: {}',
    'exit: south, options: { server: "mqtt://broker" }',
    'exit: south, options: { server: "mqtt://[::1]:1884", limits: { publishSeconds: 10, packetBytes: 1000 } }',
    'routes: [{ exit: south }]',
  ])('may say %s', (entry) => {
    expect(problemsOf(entry)).toEqual([])
  })

  it.each([
    ['options: { server: "broker:1883" }', 'error wrong-format'],
    ['options: { server: "mqtt://broker:0" }', 'error server-invalid'],
    ['options: { versions: [v5] }', 'error not-accepted'],
    ['options: { topics: [] }', 'error not-accepted'],
    ['options: { authorization: {} }', 'error out-of-range'],
    ['options: { limits: { subscriptions: 1 } }', 'error not-accepted'],
    ['options: { server: "mqtts://broker" }', 'warning server-not-encrypted'],
  ])('is told of %s', (entry, expected) => {
    const problems = problemsOf(`exit: south, ${entry}`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected)
  })

  it('has no conditions', () => {
    const problems = problemsOf('routes: [{ when: [{ publish: [{ topic: a }] }], exit: south }]')
    expect(problems.join()).toContain('put `when` on the mqtt server')
  })

  it('is nothing that a tcp server may exit to', () => {
    const text = `name: test
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 7183 }, exit: client }
  client: { type: mqtt, kind: client, exit: south }
  south: { type: tcp, kind: client }
`
    const { problems } = loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
    expect(problems.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})

describe('an mqtt server', () => {
  it.each(['server: "mqtt://broker"', 'limits: { publishSeconds: 10 }'])('has no %s', (option) => {
    const text = `name: test
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 7183 }, exit: server }
  server: { type: mqtt, kind: server, options: { ${option} }, exit: client }
  client: { type: mqtt, kind: client, exit: south }
  south: { type: tcp, kind: client }
`
    const { problems } = loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
    expect(problems.map(({ code }) => code)).toEqual(['not-accepted'])
  })
})
