import { describe, expect, it } from 'vitest'
import { markedValues } from './marks.ts'
import { propertiesOf, typeText } from './property-list.ts'

const schema = {
  type: 'object',
  properties: {
    kind: { enum: ['client', 'server'] },
    options: {
      type: 'object',
      additionalProperties: false,
      required: ['port'],
      properties: {
        port: { type: 'integer' },
        names: { type: 'object', additionalProperties: { type: 'object', properties: { id: { type: 'string' } } } },
        old: { not: {}, 'x-hint': 'Gone.' },
        either: { oneOf: [{ type: 'string' }, { type: 'object', properties: { deep: { type: 'boolean' } } }] },
        content: { $ref: 'zilla:model' },
      },
    },
    routes: { type: 'array', items: { type: 'object', properties: { exit: { $ref: 'zilla:exit' } } } },
  },
  allOf: [
    {
      if: { properties: { kind: { const: 'client' } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { properties: { options: { properties: { port: false } } } },
    },
  ],
}

describe('propertiesOf', () => {
  const properties = propertiesOf({ schema, kinds: ['client', 'server'] })

  it('lists what stands in mappings, lists, names and choices, in order', () => {
    expect(properties.map(({ path }) => path)).toEqual([
      'kind',
      'options',
      'options.port',
      'options.names',
      'options.names.*',
      'options.names.*.id',
      'options.old',
      'options.either',
      'options.either.deep',
      'options.content',
      'routes',
      'routes[].exit',
    ])
  })

  it('says which kinds take it, and whether it must be there', () => {
    const of = (path: string) => properties.find((property) => property.path === path)
    expect(of('options.port')).toMatchObject({ kinds: ['server'], required: true })
    expect(of('options.names')).toMatchObject({ kinds: ['client', 'server'], required: false })
    expect(of('options.old')).toMatchObject({ kinds: [], schema: { 'x-hint': 'Gone.' } })
  })
})

describe('typeText', () => {
  it.each([
    [{ type: 'integer', minimum: 1, maximum: 9 }, 'integer (1 to 9)'],
    [{ type: 'string', minLength: 1 }, 'text (not empty)'],
    [{ type: 'string', maxLength: 4 }, 'text (at most 4 characters)'],
    [{ type: 'number', exclusiveMinimum: 0 }, 'number (more than 0)'],
    [{ type: 'array', minItems: 1, maxItems: 1, items: { enum: ['a', 'b'] } }, 'list (1 item) of a or b'],
    [{ type: 'array', uniqueItems: true, items: { type: 'boolean' } }, 'list (none twice) of boolean'],
    [{ type: 'object', additionalProperties: { type: 'string' } }, 'mapping of names, each with a text'],
    [{ anyOf: [{ type: 'integer' }, { type: 'string' }, { type: 'array' }] }, 'integer, text or list'],
    [{ const: 'v5' }, 'v5'],
    [{ type: ['string', 'integer'] }, 'text or integer'],
    [{ 'x-shared': 'model' }, 'model'],
    [{}, 'value'],
  ])('of %j is %s', (of, text) => {
    expect(typeText(of)).toBe(text)
  })
})

describe('markedValues', () => {
  const mark = { type: 'string', 'x-kafka-topic': true }

  it.each([
    ['a property', { properties: { a: mark } }, { a: 'x' }, ['a']],
    ['an item', { properties: { a: { items: mark } } }, { a: ['x'] }, ['a', 0]],
    ['a value by name', { additionalProperties: { properties: { a: mark } } }, { any: { a: 'x' } }, ['any', 'a']],
    ['a branch of a choice', { properties: { a: { oneOf: [{ type: 'integer' }, mark] } } }, { a: 'x' }, ['a']],
    ['a condition', { if: {}, else: { properties: { a: mark } } }, { a: 'x' }, ['a']],
  ])('finds %s', (_, of, value, path) => {
    expect(markedValues(of, value, 'x-kafka-topic')).toEqual([{ path, value: 'x' }])
    expect(markedValues(of, value, 'x-secret')).toEqual([])
  })

  it('takes a name of the prototype for a name', () => {
    expect(markedValues({ properties: {}, additionalProperties: mark }, { constructor: 'x' }, 'x-kafka-topic')).toEqual(
      [{ path: ['constructor'], value: 'x' }],
    )
  })
})
