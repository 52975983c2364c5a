import { describe, expect, it } from 'vitest'
import { schemaOfKind } from './kind-schema.ts'

const schema = {
  type: 'object',
  properties: {
    kind: { description: 'Which side.', enum: ['client', 'server'] },
    options: {
      type: 'object',
      additionalProperties: false,
      properties: { port: { type: 'integer', minimum: 0 }, name: { type: 'string' } },
    },
  },
  allOf: [
    {
      if: { properties: { kind: { const: 'client' } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['options'], properties: { options: { properties: { name: { not: {}, 'x-hint': 'No.' } } } } },
      else: { properties: { options: { properties: { port: { minimum: 1 }, other: { type: 'string' } } } } },
    },
  ],
}

describe('schemaOfKind', () => {
  it('merges what is said of the kind, and nothing of others', () => {
    expect(schemaOfKind(schema, 'client')).toEqual({
      type: 'object',
      required: ['options'],
      properties: {
        kind: { description: 'Which side.', const: 'client' },
        options: {
          ...schema.properties.options,
          properties: { port: { type: 'integer', minimum: 0 }, name: { not: {}, 'x-hint': 'No.' } },
        },
      },
    })
  })

  it('keeps both of two limits, and lets in no property that is not declared', () => {
    const { options } = schemaOfKind(schema, 'server')['properties'] as typeof schema.properties
    expect(options.properties).toEqual({
      port: { type: 'integer', minimum: 0, allOf: [{ minimum: 1 }] },
      name: { type: 'string' },
    })
  })

  it.each([
    [{ properties: { kind: { enum: ['client', 'proxy'] } } }, true],
    [{ properties: { kind: { not: { const: 'client' } } } }, false],
    [{ required: ['kind'], properties: { kind: { const: 'server' } } }, false],
  ])('decides %j', (condition, holds) => {
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    const decided = schemaOfKind({ properties: {}, if: condition, then: { title: 'then' } }, 'client')
    expect(decided['title']).toBe(holds ? 'then' : undefined)
    expect(decided).not.toHaveProperty('allOf')
  })

  it.each([
    { required: ['options'] },
    { properties: { options: {} } },
    { properties: { kind: { const: 'client' }, options: {} } },
    { required: ['options'], properties: { kind: { const: 'client' } } },
  ])('leaves the condition %j as it is', (condition) => {
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    const branch = { if: condition, then: false }
    expect(schemaOfKind({ properties: {}, allOf: [branch] }, 'client')['allOf']).toEqual([branch])
  })
})
