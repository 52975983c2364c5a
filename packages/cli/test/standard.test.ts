/** The schemas of all standard modules: what the engine trusts them to be, and what users are promised of them. */
import { type JsonSchema, loadConfig } from '@zilla-ts/engine'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { composedValidator } from '../../engine/test/composed.ts'
import { standard } from '../src/standard.ts'

const modules = [...standard.bindings, ...standard.guards, ...standard.vaults, ...standard.catalogs]

/** Paths of properties that users read nothing about. */
function undescribed(schema: unknown, path: string): string[] {
  if (schema === null || typeof schema !== 'object') return []
  const { properties, items, additionalProperties } = schema as Record<string, unknown>
  const named = Object.entries((properties ?? {}) as Record<string, JsonSchema>).filter(
    ([name]) => name !== 'type' && name !== 'kind',
  )
  const silent = named.filter(([, item]) => !('description' in item || '$ref' in item || 'not' in item))
  return [
    ...silent.map(([name]) => `${path}/${name}`),
    ...named.flatMap(([name, item]) => undescribed(item, `${path}/${name}`)),
    ...undescribed(items, `${path}/[]`),
    ...undescribed(additionalProperties, `${path}/{}`),
  ]
}

describe.each(modules.map((module) => [module.type, module] as const))('schema of %s', (type, module) => {
  it('is a JSON Schema', () => {
    const ajv = new Ajv2020({ strict: false })
    expect(ajv.validateSchema(module.schema), ajv.errorsText()).toBe(true)
  })

  it('can be compiled strictly by the engine', () => {
    expect(() => standard.validator(module).validate({})).not.toThrow()
  })

  it('describes every property', () => {
    expect(undescribed(module.schema, '')).toEqual([])
    for (const [name, definition] of Object.entries((module.schema['$defs'] ?? {}) as Record<string, unknown>)) {
      expect(undescribed(definition, `$defs/${name}`)).toEqual([])
    }
  })

  it('names the type and the kinds of the module', () => {
    const properties = module.schema['properties'] as Record<string, JsonSchema>
    expect(properties['type']?.['const']).toBe(type)
    if ('kinds' in module) expect(properties['kind']?.['enum']).toEqual(Object.keys(module.kinds))
  })
})

describe('the composed schema', () => {
  const validate = composedValidator(standard)

  it('accepts what the engine accepts, expressions among it', () => {
    const text = `name: example
bindings:
  north:
    type: tcp
    kind: server
    options: { host: 127.0.0.1, port: "\${{env.PORT}}" }
    exit: echo
  echo: { type: echo, kind: server }
`
    const environment = { PORT: '7183' }
    expect(loadConfig({ text, file: 'zilla.yaml', registry: standard, environment }).problems).toEqual([])
    const document = {
      name: 'example',
      bindings: {
        north: {
          type: 'tcp',
          kind: 'server',
          options: { host: '127.0.0.1', port: '\u0024{{env.PORT}}' },
          exit: 'echo',
        },
        echo: { type: 'echo', kind: 'server' },
      },
    }
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
  })

  it.each([
    ['an unknown type', { name: 'x', bindings: { a: { type: 'tpc', kind: 'server' } } }],
    ['an unknown kind', { name: 'x', bindings: { a: { type: 'echo', kind: 'client' } } }],
    ['an unknown property', { name: 'x', bindings: { a: { type: 'echo', kind: 'server', color: 'red' } } }],
    ['an unknown section', { name: 'x', binding: {} }],
    ['a document without a name', { bindings: {} }],
  ])('refuses %s', (_, document) => {
    expect(validate(document)).toBe(false)
  })
})
