/**
 * The model `json`: text in JSON that fits a JSON Schema. Schemas are the operator's, payloads are not: what takes long or
 * deep is bounded, and whatever cannot be judged is refused. Made by model.ts; catalogs compile here to check a schema.
 */
import { isUtf8 } from 'node:buffer'
import { Ajv, type Options, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { PATTERN_CHARACTERS_MAX } from './string-validator.ts'
import type { Validator } from './validator.ts'

/** Longest text that is parsed, in bytes: more than Kafka takes in one record unless configured otherwise. */
const JSON_BYTES_MAX = 1_048_576
/** Longest answer, in characters. */
const ANSWER_LENGTH_MAX = 200

const DRAFT_07 = 'http://json-schema.org/draft-07/schema'
const DRAFT_2019 = 'https://json-schema.org/draft/2019-09/schema'
const DRAFT_2020 = 'https://json-schema.org/draft/2020-12/schema'

/** By `$schema`: who compiles it, and the name it is known to that one by. */
const DIALECTS: ReadonlyMap<string, { readonly make: (options: Options) => Ajv; readonly name: string }> = new Map([
  // Draft 07 only adds keywords to it.
  ['http://json-schema.org/draft-06/schema', { make: (options: Options) => new Ajv(options), name: DRAFT_07 }],
  [DRAFT_07, { make: (options: Options) => new Ajv(options), name: DRAFT_07 }],
  [DRAFT_2019, { make: (options: Options) => new Ajv2019(options), name: DRAFT_2019 }],
  [DRAFT_2020, { make: (options: Options) => new Ajv2020(options), name: DRAFT_2020 }],
])

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** A text that cannot be judged; to answer "does not match" would pass where a schema says `not`. */
class TooLong extends Error {}

/** One pattern of a schema, which never sees a long text. */
class BoundedPattern {
  readonly #pattern: RegExp

  constructor(pattern: string, flags: string) {
    this.#pattern = new RegExp(pattern, flags)
  }

  test(text: string): boolean {
    if (text.length > PATTERN_CHARACTERS_MAX) throw new TooLong()
    return this.#pattern.test(text)
  }

  /** Tells patterns apart. */
  toString(): string {
    return String(this.#pattern)
  }
}

const boundedPattern = Object.assign((pattern: string, flags: string) => new BoundedPattern(pattern, flags), {
  // where it would be found if the code were written to a file, which it is not
  code: 'boundedPattern',
})

const OPTIONS: Options = {
  // Notes and keywords of other programs are no faults.
  strict: false,
  validateFormats: false,
  // 1e999 is Infinity to JavaScript, and no number.
  strictNumbers: true,
  logger: false,
  // A property called `toString` is there only if the text has it.
  ownProperties: true,
  // 0.07 is a multiple of 0.01.
  multipleOfPrecision: 9,
  code: { regExp: boundedPattern },
}

/** Throws an error that says what is wrong with the schema. */
export function compileJsonSchema(text: string): ValidateFunction {
  const schema = parseSchema(text)
  const named = (isObject(schema) ? schema['$schema'] : undefined) ?? DRAFT_2020
  const dialect = DIALECTS.get(String(named).replace(/#$/, ''))
  if (dialect === undefined) throw new Error('`$schema` must be draft-06, draft-07, 2019-09 or 2020-12')
  const ajv = dialect.make(OPTIONS)
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (unique: boolean, items: readonly unknown[]) => !unique || areUnique(items),
    error: { message: 'must NOT have duplicate items' },
  })
  return ajv.compile(isObject(schema) ? { ...schema, $schema: dialect.name } : schema)
}

function parseSchema(text: string): Record<string, unknown> | boolean {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (typeof schema !== 'boolean' && !isObject(schema)) throw new Error('a JSON Schema is an object or a boolean')
  // Such a schema answers with a promise, which would count as a yes.
  if (isObject(schema) && '$async' in schema) throw new Error('`$async` is no keyword of JSON Schema')
  return schema
}

/** In one pass: to compare each item with each takes minutes for a payload of a megabyte. */
function areUnique(items: readonly unknown[]): boolean {
  const seen = new Set<string>()
  for (const item of items) seen.add(canonical(item))
  return seen.size === items.length
}

/** One text for all that are equal, whatever the order of their properties. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  const names = Object.keys(value).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`
}

export class JsonValidator implements Validator {
  readonly #validate: ValidateFunction

  /** Throws what `compileJsonSchema` throws. */
  constructor(schema: string) {
    this.#validate = compileJsonSchema(schema)
  }

  check(payload: Buffer): string | null {
    if (payload.length > JSON_BYTES_MAX) return `longer than the ${JSON_BYTES_MAX} bytes of JSON that are checked`
    if (!isUtf8(payload)) return 'not UTF-8, which JSON is'
    let value: unknown
    try {
      value = JSON.parse(payload.toString())
    } catch {
      return 'not JSON'
    }
    try {
      return this.#validate(value) ? null : this.#reason()
    } catch (error) {
      if (error instanceof TooLong)
        return `has a text of more than the ${PATTERN_CHARACTERS_MAX} characters that are matched`
      // A schema that refers to itself follows the payload down until the stack ends.
      return 'nested too deep to be checked'
    }
  }

  /** The schema's own words and the place, of which the names are the payload's. */
  #reason(): string {
    const error = this.#validate.errors?.[0]
    const place = (error?.instancePath ?? '').slice(0, ANSWER_LENGTH_MAX / 2)
    this.#validate.errors = null
    return `${place || 'it'} ${error?.message}`.slice(0, ANSWER_LENGTH_MAX).replace(/[^\x20-\x7e]/g, '?')
  }
}
