import { describe, expect, test } from 'vitest'
import { compileJsonSchema, JsonValidator } from './json-validator.ts'

const check = (schema: unknown, text: string | Buffer): string | null =>
  new JsonValidator(JSON.stringify(schema)).check(Buffer.from(text as string))

const SENSOR = {
  type: 'object',
  required: ['id', 'status'],
  properties: { id: { type: 'string', minLength: 1 }, status: { enum: ['on', 'off'] }, value: { type: 'number' } },
  additionalProperties: false,
}

describe('a payload', () => {
  test.each([
    '{"id":"1","status":"on"}',
    ' {"status":"off","id":"ä","value":1e3} \n',
    '{"id":"1","status":"on","value":-0.5}',
  ])('%j fits', (text) => expect(check(SENSOR, text)).toBeNull())

  test.each([
    ['', 'not JSON'],
    ['{', 'not JSON'],
    ["{'id':1}", 'not JSON'],
    ['{"id":"1","status":"on"}x', 'not JSON'],
    ['\ufeff{"id":"1","status":"on"}', 'not JSON'],
    ['NaN', 'not JSON'],
    ['[]', 'it must be object'],
    ['null', 'it must be object'],
    ['{"id":"1"}', "it must have required property 'status'"],
    ['{"id":1,"status":"on"}', '/id must be string'],
    ['{"id":"","status":"on"}', '/id must NOT have fewer than 1 characters'],
    ['{"id":"1","status":"up"}', '/status must be equal to one of the allowed values'],
    ['{"id":"1","status":"on","value":1e999}', '/value must be number'],
    ['{"id":"1","status":"on","secret":"s"}', 'it must NOT have additional properties'],
  ])('%j does not: %s', (text, answer) => expect(check(SENSOR, text)).toBe(answer))

  test('that is not UTF-8 does not', () => {
    expect(check(true, Buffer.from('"\xff"', 'latin1'))).toBe('not UTF-8, which JSON is')
  })

  test('is judged each time anew', () => {
    const validator = new JsonValidator(JSON.stringify(SENSOR))
    for (let i = 0; i < 2; i++) {
      expect(validator.check(Buffer.from('{"id":1,"status":"on"}'))).toBe('/id must be string')
      expect(validator.check(Buffer.from('{"id":"1","status":"on"}'))).toBeNull()
    }
  })
})

describe('a hostile payload', () => {
  const TREE = { type: 'array', items: { $ref: '#' } }

  test('nested deep is taken where the schema does not look, and refused where it does', () => {
    const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`
    expect(check(true, deep)).toBeNull()
    expect(check(TREE, deep)).toBe('nested too deep to be checked')
    expect(check(TREE, '[[[]]]')).toBeNull()
    expect(check({ type: 'array', uniqueItems: true }, `[${deep}]`)).toBe('nested too deep to be checked')
  })

  test('longer than what is checked is refused', () => {
    expect(check(true, `"${'a'.repeat(1_048_574)}"`)).toBeNull()
    expect(check(true, `"${'a'.repeat(1_048_575)}"`)).toMatch(/^longer than/)
  })

  test('never feeds a long text to a pattern, not even behind `not`', () => {
    const long = `"${'a'.repeat(5_000)}"`
    for (const schema of [{ pattern: '(a*)*b' }, { not: { pattern: 'b' } }, { anyOf: [{ pattern: 'b' }, true] }]) {
      expect(check(schema, long)).toMatch(/^has a text of more than the 4096 characters/)
    }
    expect(check({ patternProperties: { '^a': true } }, `{${long}:1}`)).toMatch(/^has a text of more/)
  })

  test('of many items is compared in one pass', () => {
    const items = Array.from({ length: 60_000 }, (_, i) => `{"a":${i}}`)
    const schema = { uniqueItems: true }
    expect(check(schema, `[${items.join()}]`)).toBeNull()
    expect(check(schema, `[${items.join()},{"a":59999}]`)).toBe('it must NOT have duplicate items')
  })

  test('has only the properties that it has', () => {
    expect(check({ required: ['toString'] }, '{}')).toBe("it must have required property 'toString'")
    expect(check({ required: ['__proto__'] }, '{}')).toMatch(/required property/)
    expect(check({ required: ['__proto__'] }, '{"__proto__":1}')).toBeNull()
  })

  test('gets an answer that is short and printable', () => {
    const names = { additionalProperties: { type: 'number' } }
    expect(check(names, '{"\\u0000\\ud800\u202e":"x"}')).toBe('/??? must be number')
    const answer = check(names, `{"${'n'.repeat(100_000)}":"x"}`)
    expect(answer?.length).toBeLessThanOrEqual(200)
    expect(answer).toContain('must be number')
  })
})

describe('equal items', () => {
  test.each(['[1,1.0]', '["a","\\u0061"]', '[{"a":1,"b":[2]},{"b":[2],"a":1}]', '[null,null]', '[[],[]]', '[0,-0]'])(
    '%s has them',
    (text) => expect(check({ uniqueItems: true }, text)).toMatch(/duplicate/),
  )

  test.each(['[]', '[1,"1"]', '[true,1]', '[{"a":1},{"a":"1"}]', '[[1,2],["1,2"]]', '[{},[]]', '[null,"null"]'])(
    '%s has none',
    (text) => expect(check({ uniqueItems: true }, text)).toBeNull(),
  )

  test('are allowed where nothing forbids them', () => {
    expect(check({ uniqueItems: false }, '[1,1]')).toBeNull()
  })
})

describe('a schema', () => {
  test.each([
    'http://json-schema.org/draft-06/schema#',
    'http://json-schema.org/draft-07/schema#',
    'http://json-schema.org/draft-07/schema',
    'https://json-schema.org/draft/2019-09/schema',
    'https://json-schema.org/draft/2020-12/schema',
  ])('of %s is understood', ($schema) => {
    expect(check({ $schema, type: 'integer', maximum: 5 }, '5')).toBeNull()
    expect(check({ $schema, type: 'integer', maximum: 5 }, '6')).toBe('it must be <= 5')
  })

  test('of its dialect means what that says', () => {
    const items = [{ type: 'string' }]
    expect(check({ $schema: 'http://json-schema.org/draft-07/schema#', items }, '[1]')).toBe('/0 must be string')
    expect(() => check({ items }, '[1]')).toThrow('schema is invalid')
    expect(check({ prefixItems: items }, '[1]')).toBe('/0 must be string')
  })

  test('may hold what other programs read', () => {
    expect(check({ type: 'string', format: 'uri', 'x-owner': 'team', version: 1 }, '"not a uri"')).toBeNull()
    expect(check({ $ref: '#/$defs/a', $defs: { a: { type: 'string' } } }, '1')).toBe('it must be string')
    expect(check({ $id: 'https://example.com/a', type: 'string' }, '1')).toBe('it must be string')
  })

  test('may be a boolean', () => {
    expect(check(true, '1')).toBeNull()
    expect(check(false, '1')).toBe('it boolean schema is false')
  })

  test('tells its patterns apart', () => {
    const schema = { properties: { a: { pattern: '^x' }, b: { pattern: '^y' } } }
    expect(check(schema, '{"a":"x","b":"y"}')).toBeNull()
    expect(check(schema, '{"a":"y"}')).toBe('/a must match pattern "^x"')
    expect(check(schema, '{"b":"x"}')).toBe('/b must match pattern "^y"')
  })

  test('divides decimals as people do', () => {
    expect(check({ multipleOf: 0.01 }, '0.07')).toBeNull()
    expect(check({ multipleOf: 0.01 }, '0.075')).toBe('it must be multiple of 0.01')
  })

  test.each([
    ['', 'it is not JSON'],
    ['syntax = "proto3";', 'it is not JSON'],
    ['5', 'is an object or a boolean'],
    ['[]', 'is an object or a boolean'],
    ['null', 'is an object or a boolean'],
    ['{"type":"strin"}', 'schema is invalid'],
    ['{"type":"record","name":"x","fields":[]}', 'schema is invalid'],
    ['{"minimum":"a"}', 'schema is invalid'],
    ['{"pattern":"("}', 'Invalid regular expression'],
    ['{"$ref":"#/$defs/none"}', "can't resolve reference"],
    ['{"$ref":"https://example.com/other.json"}', "can't resolve reference"],
    ['{"$async":true}', '$async'],
    ['{"$schema":"http://json-schema.org/draft-04/schema#"}', '`$schema` must be'],
    ['{"$schema":5}', '`$schema` must be'],
  ])('%s is none: %s', (text, reason) => {
    expect(() => compileJsonSchema(text)).toThrow(reason)
  })
})
