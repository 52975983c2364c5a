/** `zilla-ts diff`: what is printed, what is hidden, and the exit code. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { diff } from '../src/diff.ts'
import { folder } from './fixture.ts'

const BASE = `name: example
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 1 }, exit: echo }
  echo: { type: echo, kind: server }
`
/** A binding with secrets, marked by the schema and by their names. */
const MODULE = `export const bindings = [{
  type: 'safe',
  kinds: { server: { accepts: 'bytes' } },
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['type', 'kind'],
    properties: {
      type: { const: 'safe' },
      kind: { enum: ['server'] },
      options: {
        type: 'object',
        properties: {
          pin: { type: 'string', 'x-secret': true },
          password: { type: 'string' },
          keys: { type: 'array', 'x-secret': true, items: { type: 'string' } },
          open: { type: 'string' },
          tokens: { type: 'object' },
        },
      },
    },
  },
  attach: () => ({}),
}]`

let directory = ''
let out = ''
let err = ''

beforeEach(() => {
  directory = folder()
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const run = (before: string, after: string, { format = 'text', modules = [] as readonly string[] } = {}) =>
  diff([file('old.yaml', before), file('new.yaml', after)], { format, modules })

describe('diff', () => {
  it('says that two documents are the same', async () => {
    expect(await run(BASE, `# comment\n${BASE}`)).toBe(0)
    expect(out).toBe('no difference\n')
  })

  it('prints what differs, and what that concerns', async () => {
    const after = BASE.replace('port: 1 }', 'port: [1, 2] }').replace('kind: server }', 'kind: server, telemetry: {} }')
    expect(
      await run(BASE, `${after}  more: { type: tcp, kind: server, options: { host: h, port: 3 }, exit: echo }\n`),
    ).toBe(1)
    expect(out).toBe(`changed  bindings example:north
           /options/port  1 → [1,2]
changed  bindings example:echo
           /telemetry  (none) → {}
added    bindings example:more
`)
  })

  it('prints JSON', async () => {
    expect(
      await run(BASE, BASE.replace('type: echo, kind: server', 'type: echo, kind: server, telemetry: {}'), {
        format: 'json',
      }),
    ).toBe(1)
    expect(JSON.parse(out)).toEqual({
      same: false,
      changes: [
        { section: 'bindings', id: 'example:echo', change: 'changed', properties: [{ path: '/telemetry', after: {} }] },
      ],
      affected: [{ section: 'bindings', id: 'example:north' }],
    })
  })

  it('compares documents in different languages', async () => {
    const json = JSON.stringify({
      name: 'example',
      bindings: {
        north: { type: 'tcp', kind: 'server', options: { host: '127.0.0.1', port: 1 }, exit: 'echo' },
        echo: { type: 'echo', kind: 'server' },
      },
    })
    expect(
      await diff([file('old.yaml', BASE), file('new.mjs', `export default ${json}`)], { format: 'text', modules: [] }),
    ).toBe(0)
  })

  it.each([
    ['marked by the schema', 'pin: hunter2', '***'],
    ['named so', 'password: hunter2', '***'],
    ['in a list that is marked', 'keys: [a, hunter2]', '***'],
    ['below a key named so', 'tokens: { a: [hunter2] }', '***'],
    ['a key', 'open: "-----BEGIN PRIVATE KEY-----hunter2"', '***'],
    ['from the environment', 'open: "x${{env.ZILLA_TEST_DIFF}}x"', 'x${{env.ZILLA_TEST_DIFF}}x'],
    ['a secret from the environment', 'pin: "${{env.ZILLA_TEST_DIFF}}"', '***'],
  ])('does not show a value that is %s', async (_, option, shown) => {
    vi.stubEnv('ZILLA_TEST_DIFF', 'hunter2')
    const document = (options: string) =>
      `name: example\nbindings:\n  north: { type: tcp, kind: server, options: { host: h, port: 1 }, exit: safe }\n  safe: { type: safe, kind: server, options: { ${options} } }\n`
    for (const format of ['text', 'json']) {
      const modules = [file('safe.mjs', MODULE)]
      expect(await run(document(option), document('open: y'), { format, modules })).toBe(1)
    }
    expect(out).toContain(shown)
    expect(out).not.toContain('hunter2')
  })

  it('cannot compare a document that is not valid, and says why', async () => {
    await expect(run(BASE, BASE.replace('exit: echo', 'exit: ecoh'))).rejects.toThrow(
      /new\.yaml is not valid: 1 error$/,
    )
    expect(err).toContain('there is no binding `ecoh`; did you mean `echo`?')
    expect(out).toBe('')
  })
})
