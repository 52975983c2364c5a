/** What a document may say of tls bindings, and what it is told when it says something else. */
import { createRegistry, loadConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { echo } from '../../src/echo/binding.ts'
import { tcp } from '../../src/tcp/binding.ts'
import { tls } from '../../src/tls/binding.ts'
import { filesystemVault } from '../../src/vault/filesystem.ts'

const registry = createRegistry({ bindings: [tcp, tls, echo] as never, vaults: [filesystemVault as never] })

const load = (text: string) => loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })

/** Level, code and place of each problem; `entry` is what the tls entry says beside its type. */
function problemsOf(entry: string, exit = 'exit: end'): string[] {
  const { problems } = load(`name: test
vaults:
  v: { type: filesystem, options: { keys: { store: keys.p12 } } }
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 8883 }, exit: tls }
  tls: { type: tls, ${entry}, ${exit} }
  end: { type: echo, kind: server }
`)
  return problems
    .filter(({ code }) => code !== 'unused-vault')
    .map(({ level, code, path }) => `${level} ${code} ${path}`)
}

const SERVER = 'kind: server, vault: v'

describe('fine', () => {
  it.each([
    `${SERVER}`,
    `${SERVER}, options: { keys: [localhost], sni: [localhost, "*.test"], alpn: [mqtt, null], version: TLSv1.3 }`,
    `${SERVER}, options: { signers: [ca], trust: [clients], mutual: requested, limits: { handshakeSeconds: 1, handshakes: 9 } }`,
    'kind: client',
    'kind: client, vault: v, options: { trust: [ca], trustcacerts: true, keys: [me], sni: [a.test], alpn: [mqtt] }',
    'kind: client, options: { limits: { handshakeSeconds: 5 } }',
    'kind: proxy',
    'kind: proxy, options: { limits: { handshakeSeconds: 5, handshakes: 10 } }',
  ])('%s', (entry) => {
    expect(problemsOf(entry)).toEqual([])
  })

  it.each([
    [
      SERVER,
      '[{ when: [{ authority: "*.test", alpn: mqtt, port: 8883-8884, trust: [ca], mutual: required }], exit: end }]',
    ],
    ['kind: proxy', '[{ when: [{ authority: "*.test", alpn: mqtt, port: [1, 2-3] }], exit: end }]'],
    [
      'kind: client, vault: v, options: { keys: [a, b] }',
      '[{ with: { certificate: { subject: { cn: a } } }, exit: end }]',
    ],
  ])('%s, routes: %s', (entry, routes) => {
    expect(problemsOf(entry, `routes: ${routes}`)).toEqual([])
  })
})

describe('not fine', () => {
  const at = '/bindings/tls'
  it.each([
    ['kind: server', `error missing-property ${at}`],
    [`${SERVER}, options: { keys: [a], signers: [b] }`, `error keys-and-signers ${at}/options/signers`],
    [`${SERVER}, options: { version: TLSv1.1 }`, `error value-not-allowed ${at}/options/version`],
    [`${SERVER}, options: { trust: [a], mutual: none }`, `warning trust-not-asked ${at}/options/trust`],
    [`${SERVER}, options: { limits: { handshakes: 0 } }`, `error out-of-range ${at}/options/limits/handshakes`],
    ['kind: client, options: { trust: [a] }', `error vault-missing ${at}/options/trust`],
    ['kind: client, vault: v, options: { keys: [a, b] }', `error keys-several ${at}/options/keys`],
    ['kind: client, options: { sni: [a, b] }', `error sni-several ${at}/options/sni`],
    ['kind: client, options: { sni: ["*.test"] }', `error sni-invalid ${at}/options/sni/0`],
    ['kind: client, options: { sni: ["::1"] }', `error sni-invalid ${at}/options/sni/0`],
    ['kind: client, options: { mutual: required }', `error not-accepted ${at}/options/mutual`],
    ['kind: proxy, options: { keys: [a] }', `error not-accepted ${at}/options/keys`],
    ['kind: proxy, vault: v', `error not-accepted ${at}/vault`],
  ])('%s', (entry, problem) => {
    expect(problemsOf(entry)).toEqual([problem])
  })

  it('an authorization that never sees a certificate', () => {
    const entry = `${SERVER}, options: { authorization: { g: { credentials: { certificates: pem } } } }`
    expect(problemsOf(entry)).toContain('error undefined-guard /bindings/tls/options/authorization/g')
    expect(problemsOf(entry)).toContain('error authorization-without-certificates /bindings/tls/options/authorization')
  })

  it.each([
    [`${SERVER}, options: { mutual: none }`, '{ mutual: required }', 'error condition-impossible'],
    [`${SERVER}, options: { mutual: required }`, '{ mutual: none }', 'error condition-impossible'],
    [SERVER, '{ mutual: none, trust: [a] }', 'error condition-impossible'],
    [SERVER, '{ port: 9-8 }', 'error port-invalid'],
    ['kind: client', '{ trust: [a] }', 'error not-accepted'],
    ['kind: proxy', '{ mutual: required }', 'error not-accepted'],
  ])('%s, when: %s', (entry, when, problem) => {
    const problems = problemsOf(entry, `routes: [{ when: [${when}], exit: end }]`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })

  it.each([
    ['{ subject: { cn: "${guarded[\'g\'].identity}" } }', 'Expressions are not in this version'],
    ['{ subject: { cn: a, dn: b } }', 'at most'],
    ['{ subject: { cn: a } }', 'there are none'],
  ])('with.certificate: %s', (certificate, message) => {
    const { problems } = load(`name: test
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 8883 }, exit: tls }
  tls: { type: tls, kind: client, routes: [{ with: { certificate: ${certificate} }, exit: end }] }
  end: { type: echo, kind: server }
`)
    expect(problems).toHaveLength(1)
    expect(problems[0]!.message).toContain(message)
  })
})

describe('sys:tls_client', () => {
  const chain = (exit: string) => `name: test
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 8883 }, exit: "${exit}" }
`
  const bindings = (exit: string) =>
    load(chain(exit)).namespaces.flatMap((namespace) => namespace.bindings.map(({ id }) => id))

  it('is there, with what it exits to, for whoever uses it', () => {
    expect(bindings('sys:tls_client')).toEqual(['test:north', 'sys:tcp_client', 'sys:tls_client'])
    expect(bindings('sys:tcp_client')).toEqual(['test:north', 'sys:tcp_client'])
  })
})
