/** What a document may say of authorization, and what it is told when it says something else. */
import { createRegistry, type GuardModule, loadConfig } from '@zilla-ts/engine'
import { tcp } from '@zilla-ts/net'
import { describe, expect, it } from 'vitest'
import { mqtt } from '../src/binding.ts'

const guard: GuardModule = {
  type: 'anyone',
  schema: { type: 'object', required: ['type'], properties: { type: { const: 'anyone' } } },
  attach: () => {
    throw new Error('nothing runs here')
  },
}
const registry = createRegistry({ bindings: [tcp, mqtt as never], guards: [guard] })

/** Path, level and code of each problem, and its message. */
function problemsOf(authorization: string, when = '[]', guarded = '{ g: [] }') {
  const text = `name: test
guards:
  g: { type: anyone }
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 7183 }, exit: server }
  server:
    type: mqtt
    kind: server
    options: { authorization: ${authorization} }
    routes: [{ when: ${when}, guarded: ${guarded}, exit: client }]
  client: { type: mqtt, kind: client, exit: south }
  south: { type: tcp, kind: client }
`
  const { problems } = loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
  return problems.map(({ level, code, path, message }) => ({
    what: `${level} ${code} ${path.replace(/^\/bindings\/server\//, '').replaceAll('/', '.')}`,
    text: message,
  }))
}

const credentials = (text: string) => `{ g: { credentials: ${text} } }`
const connect = (text: string) => credentials(`{ connect: ${text} }`)
const SOUND = connect('{ username: "Bearer {credentials}" }')

describe('options.authorization', () => {
  it.each([
    SOUND,
    connect('{ username: Bearer {credentials} }'.replace('Bearer {credentials}', '"Bearer {credentials}"')),
    connect('{ password: "{credentials}" }'),
    connect('{ username: "{identity}", password: "{credentials}" }'),
    connect('{ username: jwt, password: "{identity}:{credentials}" }'),
    credentials('{ auth: {} }'),
    credentials('{ connect: { password: "{credentials}" }, auth: { method: M, data: "Bearer {credentials}" } }'),
  ])('may be %s', (authorization) => {
    expect(problemsOf(authorization)).toEqual([])
  })

  const at = 'options.authorization.g.credentials'
  it.each([
    ['{}', 'error out-of-range options.authorization', 'one guard'],
    [connect('{ username: token }'), `error credentials-pattern-invalid ${at}.connect.username`, '{credentials}'],
    [
      connect('{ username: "{identity}" }'),
      `error credentials-pattern-invalid ${at}.connect.username`,
      '{credentials}',
    ],
    [
      connect('{ username: "{credentials}", password: "{credentials}" }'),
      `error credentials-pattern-invalid ${at}.connect.password`,
      'in the other pattern already',
    ],
    [
      connect('{ password: "{identity}{credentials}" }'),
      `error credentials-pattern-invalid ${at}.connect.password`,
      'put a text between them',
    ],
    [
      connect('{ password: "{credentials}{credentials}" }'),
      `error credentials-pattern-invalid ${at}.connect.password`,
      'twice',
    ],
    [connect('{ password: {credentials} }'), `error wrong-type ${at}.connect.password`, 'in quotes'],
    [connect('{}'), `error out-of-range ${at}.connect`, 'username'],
    [credentials('{}'), `error out-of-range ${at}`, 'connect'],
    [credentials('{ auth: { data: token } }'), `error credentials-pattern-invalid ${at}.auth.data`, '{credentials}'],
    ['{ h: { credentials: { auth: {} } } }', 'error undefined-guard options.authorization.h', 'there is no guard'],
  ])('is told of %s', (authorization, what, text) => {
    const problems = problemsOf(authorization)
    expect(problems.map((problem) => problem.what)).toContain(what)
    expect(problems.find((problem) => problem.what === what)?.text).toContain(text)
  })

  it('names one guard', () => {
    const two = '{ g: { credentials: { auth: {} } }, h: { credentials: { auth: {} } } }'
    expect(problemsOf(two).map(({ text }) => text)).toContainEqual(expect.stringContaining('one guard'))
  })

  it('is warned of when no route asks for it', () => {
    expect(problemsOf(SOUND, '[]', '{}').map(({ what }) => what)).toContain(
      'warning authorization-not-required options.authorization.g',
    )
  })
})

describe('params', () => {
  const topic = (name: string, params: string) => `[{ publish: [{ topic: "${name}", params: ${params} }] }]`
  const client = (name: string, params: string) => `[{ session: [{ client-id: "${name}", params: ${params} }] }]`
  const me = `"\${guarded['g'].identity}"`

  it.each([
    topic('d/{id}/#', `{ id: ${me} }`),
    topic('d/{id}/{other}', `{ id: "\${guarded['g'].attributes.my-site_1}" }`),
    topic('d/{id}', '{ id: fixed }'),
    client('{id}-*', `{ id: ${me} }`),
  ])('may be %s', (when) => {
    expect(problemsOf(SOUND, when)).toEqual([])
  })

  it.each([
    [topic('d/{id}', `{ ID: ${me} }`), 'param-unused', 'has {id}'],
    [topic('d/+', `{ id: ${me} }`), 'param-unused', 'it has none'],
    [client('x-*', `{ id: ${me} }`), 'param-unused', 'it has none'],
    [topic('d/{id}', `{ id: "\${guarded['h'].identity}" }`), 'param-guard', 'not guarded by `h`'],
    [client('{id}', `{ id: "\${guarded['h'].identity}" }`), 'param-guard', 'not guarded by `h`'],
    [topic('d/{id}', `{ id: "\${guarded['g'].name}" }`), 'param-invalid', 'identity'],
    [topic('d/{id}', `{ id: "x\${guarded['g'].identity}" }`), 'param-invalid', 'identity'],
    [topic('d/{id}', '{ id: a/b }'), 'param-invalid', 'one level'],
    [topic('d/{id}', '{ id: "#" }'), 'param-invalid', 'one level'],
  ])('are told of in %s', (when, code, text) => {
    const [problem, ...more] = problemsOf(SOUND, when)
    expect(more).toEqual([])
    expect(problem?.what).toMatch(
      new RegExp(`^error ${code} routes\\.0\\.when\\.0\\.(publish|session)\\.0\\.params\\.`),
    )
    expect(problem?.text).toContain(text)
  })
})
