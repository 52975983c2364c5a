/**
 * JSON Schema of a model: what a payload or a property of a message must be. Every type's schema may refer to it as
 * `zilla:model`; the package `models` makes a validator of what it accepts. Says nothing of what needs two values at once.
 */
import type { JsonSchema } from '../contract.ts'

const NUMBERS = ['int32', 'int64', 'float', 'double']
const PLAIN = ['string', ...NUMBERS, 'boolean', 'bytes']
const ALL = [...PLAIN, 'json']

const HINT = 'The models avro and protobuf are not supported.'
const DECIMAL = '(-?\\d+(\\.\\d+)?)?'
const SUBJECT_HINT = 'Catalogs of this engine find schemas by `subject`.'

const validation: JsonSchema = { type: 'string', enum: ['strict', 'lenient'] }

const named = (names: readonly string[], key: 'model' | 'type'): JsonSchema => ({
  required: [key],
  properties: { [key]: { enum: names } },
})

/** Only these properties beside the model's name; `type` is its old one. */
const accepts = (names: readonly string[], properties: readonly string[], rest: JsonSchema = {}): JsonSchema => ({
  if: { not: { anyOf: [named(names, 'model'), named(names, 'type')] } },
  else: {
    properties: Object.fromEntries(['model', 'type', 'validate', ...properties].map((name) => [name, true])),
    additionalProperties: false,
    ...rest,
  },
})

const catalog: JsonSchema = {
  description: 'Catalog that holds the JSON Schema of the text, and the subject to look for there.',
  type: 'object',
  minProperties: 1,
  maxProperties: 1,
  'x-keys-reference': 'catalog',
  additionalProperties: {
    description: 'The schema; one item.',
    type: 'array',
    minItems: 1,
    maxItems: 1,
    items: {
      type: 'object',
      additionalProperties: false,
      properties: {
        subject: { description: 'Name of the schema in the catalog.', type: 'string', minLength: 1 },
        schema: { description: 'Write `subject`.', type: 'string', minLength: 1, deprecated: true },
        version: { description: 'Version of the schema; `latest` when absent.', type: 'string', minLength: 1 },
        id: { not: {}, 'x-hint': SUBJECT_HINT },
        strategy: { not: {}, 'x-hint': SUBJECT_HINT },
        overlay: { not: {}, 'x-hint': SUBJECT_HINT },
      },
      if: { anyOf: [{ required: ['schema'] }, { required: ['id'] }, { required: ['strategy'] }] },
      else: { required: ['subject'] },
    },
  },
  examples: [{ my_catalog: [{ subject: 'sensor', version: 'latest' }] }],
}

const properties: JsonSchema = {
  model: {
    description: 'What the bytes are.',
    enum: ALL,
    'x-hint': HINT,
  },
  type: { description: 'Write `model`.', enum: ALL, 'x-hint': HINT, deprecated: true },
  validate: {
    description:
      'What is done with content that does not fit: `strict`, which is meant when absent, refuses it, `lenient` counts it, logs it and lets it pass. `decode` is for what comes from a client, `encode` for what goes to one.',
    oneOf: [
      validation,
      {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: {
          decode: { description: 'For content that comes from a client.', ...validation },
          encode: { description: 'For content that goes to a client.', ...validation },
        },
      },
    ],
  },
  encoding: {
    description: 'How a string is encoded. UTF-16 is big-endian unless it begins with a byte order mark.',
    enum: ['utf_8', 'utf_16'],
  },
  minLength: { description: 'Characters (code points) that a string must have.', type: 'integer', minimum: 1 },
  maxLength: { description: 'Characters (code points) that a string may have.', type: 'integer', minimum: 1 },
  pattern: {
    description:
      'Regular expression that must match the whole string. Strings of more than 4,096 characters are refused where there is one, so that matching ends in time; a repetition inside a repetition can still take long.',
    type: 'string',
    minLength: 1,
    examples: ['[A-Z]{2}[0-9]+'],
  },
  format: {
    description:
      'How a number is written: decimal text, or big-endian bytes (4 for int32 and float, 8 for int64 and double).',
    enum: ['text', 'binary'],
  },
  range: {
    description:
      'Least and greatest number, `[` and `]` with the limit itself, `(` and `)` without; either may be left out.',
    type: 'string',
    pattern: `^[[(]${DECIMAL},${DECIMAL}[\\])]$`,
    'x-hint': 'Ranges are texts in quotes such as "[0,100)" or "(,10]".',
    examples: ['[0,100)', '(,10]'],
  },
  multiple: { description: 'The number must be a multiple of this.', type: 'number', exclusiveMinimum: 0 },
  catalog,
}

/** A name alone, or an object with more about it. */
export const modelSchema: JsonSchema = {
  'x-shared': 'model',
  description: 'A model by its name, or an object with the name as `model`.',
  anyOf: [
    { type: 'string', enum: PLAIN, 'x-hint': `The model json needs a \`catalog\`. ${HINT}` },
    {
      type: 'object',
      properties,
      allOf: [
        accepts(['string'], ['encoding', 'minLength', 'maxLength', 'pattern']),
        accepts(NUMBERS, ['format', 'range', 'multiple']),
        accepts(['boolean', 'bytes'], []),
        accepts(['json'], ['catalog'], { required: ['catalog'] }),
        {
          if: { anyOf: [{ required: ['model'] }, { required: ['type'] }] },
          else: {
            required: ['model'],
            properties: Object.fromEntries(Object.keys(properties).map((name) => [name, true])),
            additionalProperties: false,
          },
        },
      ],
    },
  ],
  examples: ['string', { model: 'int32', range: '[0,100)' }],
}
