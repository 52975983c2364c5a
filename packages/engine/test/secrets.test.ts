/** What problems must not say: passwords, tokens, keys, and what variables of the environment gave. */
import { describe, expect, test } from 'vitest'
import { type BindingModule, createRegistry, loadConfig, type Problem } from '../src/index.ts'

const SECRET = 'geheim-4711'

/** Puts what it finds into its messages, as careless modules do. */
const careless: BindingModule = {
  type: 'careless',
  kinds: { server: {} },
  schema: {
    title: 'careless',
    type: 'object',
    additionalProperties: false,
    required: ['type', 'kind'],
    properties: {
      type: { const: 'careless' },
      kind: { enum: ['server'] },
      options: {
        type: 'object',
        additionalProperties: false,
        properties: {
          pin: { description: 'Secret.', type: 'string', maxLength: 40, 'x-secret': true },
          number: { type: 'integer' },
          host: { type: 'string', pattern: '^[a-z]+$' },
          password: { type: 'string', pattern: '^[a-z]+$' },
          list: { type: 'array', items: { type: 'string' }, 'x-secret': true },
        },
      },
    },
  },
  check: ({ options }) =>
    Object.entries((options ?? {}) as Record<string, unknown>).map(([key, value]) => ({
      level: 'warning',
      path: ['options', key],
      code: 'told',
      message: `${key} is '${value}'`,
    })),
  attach: () => {
    throw new Error('is not attached')
  },
}
const registry = createRegistry({ bindings: [careless] })

function problems(text: string, environment: Record<string, string> = {}, allowUnset = false): readonly Problem[] {
  return loadConfig({ text, file: 'zilla.yaml', registry, environment, allowUnset }).problems
}

const document = (options: string): string =>
  `name: example\nbindings:\n  a:\n    type: careless\n    kind: server\n    options: ${options}\n`

describe('nothing that is printed has', () => {
  test.each<[string, string]>([
    ['what the schema marks', document(`{ pin: ${SECRET}, wrong: 1 }`)],
    ['what the schema marks and refuses', document(`{ pin: ${SECRET}${SECRET}${SECRET}${SECRET}${SECRET} }`)],
    ['a password of the wrong form', document(`{ password: ${SECRET}, wrong: 1 }`)],
    ['a quoted one', document(`{ "password": "${SECRET}", wrong: 1 }`)],
    ['an unknown token', document(`{ access-token: ${SECRET}, wrong: 1 }`)],
    ['a password of the wrong sort', document(`{ password: [${SECRET}], wrong: 1 }`)],
    ['a password below another', document(`\n      password: ${SECRET}\n      password: ${SECRET}2`)],
    ['a password taken for an alias', document(`\n      password: *${SECRET}`)],
    ['a password taken for a tag', document(`\n      password: !${SECRET} x`)],
    ['a password with a colon', document(`\n      password: ${SECRET}: x`)],
    ['a password in a block', document(`\n      password: |\n        ${SECRET}\n       x: [`)],
    ['a password with an open quote', document(`\n      password: "${SECRET}\n      wrong: 1`)],
    ['a token in a comment', `name: [ # token: ${SECRET}\n  ]\n`],
    ['a private key', `name: "-----BEGIN PRIVATE KEY-----\\n\n  ${SECRET}\n  -----END PRIVATE KEY-----"\n`],
  ])('%s', (_, text) => {
    const found = problems(text)
    expect(found).not.toEqual([])
    expect(JSON.stringify(found)).not.toContain(SECRET)
  })

  test.each<[string, string]>([
    ['a wrong number', document('{ number: "${{env.X}}" }')],
    ['a wrong form', document('{ host: "${{env.X}}" }')],
    ['a part of a text', document('{ host: "a-${{env.X}}" }')],
    ['a message of a module', document('{ host: "a", pin: "${{env.X}}" }')],
    ['a type', document('{}').replace('careless', '${{env.X}}')],
    ['a name', document('{}').replace('a:', '"${{env.X}}":').replace('kind', 'knid')],
    ['a name of the document', 'name: ${{env.X}} y\n---\nname: ${{env.X}} y\n'],
  ])('a value of the environment: %s', (_, text) => {
    const found = problems(text, { X: SECRET })
    expect(found).not.toEqual([])
    expect(JSON.stringify(found)).not.toContain(SECRET)
  })
})

test('what is no secret stays readable beside one', () => {
  const [problem] = problems(document(`{ pin: ${SECRET}, hsot: a }`))
  expect(problem).toMatchObject({
    message: '`hsot` is unknown here; did you mean `host`?',
    excerpt: `    options: { pin: ${'*'.repeat(SECRET.length)}, hsot: a }`,
  })
})

test('values that every message may have are not taken out', () => {
  const [problem] = problems(document('{ number: "${{env.X}}", host: 5 }'), { X: 'true' })
  expect(problem?.message).toBe('expected integer, found the value of ${{env.X}}')
})

test('many secrets and many problems take time in proportion', () => {
  const entries = Array.from({ length: 3_000 }, (_, at) => `      token${at}: "value-${at}"`)
  expect(problems(document(`\n${entries.join('\n')}`))).toHaveLength(3_000)
})

describe('variables that need not be set', () => {
  test('are not judged, whatever would be wrong with them', () => {
    const text = document('{ number: "${{env.X}}", host: "${{env.Y}}" }').replace('kind: server', 'kind: ${{env.K}}')
    expect(problems(text, {}, true).filter(({ level }) => level === 'error')).toEqual([])
  })

  test('let nothing run', () => {
    const text = document('{ host: "${{env.Y}}" }')
    expect(loadConfig({ text, file: 'f', registry, environment: {}, allowUnset: true }).namespaces).toEqual([])
  })

  test('hide no other fault', () => {
    expect(problems(document('{ host: "${{env.Y}}", number: x }'), {}, true)).toEqual([
      expect.objectContaining({ code: 'wrong-type', path: '/bindings/a/options/number' }),
    ])
  })
})
