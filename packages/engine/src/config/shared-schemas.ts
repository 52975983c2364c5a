/**
 * Pieces of JSON Schema that every type's schema may refer to as `zilla:<name>`, so that the common parts of an entry
 * read and fail alike everywhere. Used by the registry, by `composeSchema` and by the generator. Holds no rules that
 * need more than one value (those are in references.ts).
 */
import type { JsonSchema } from '../contract.ts'
import { modelSchema } from './model-schema.ts'

/** Pattern of namespace, binding, guard, store, vault and catalog names. */
export const NAME_PATTERN = '^[a-zA-Z]+[a-zA-Z0-9._-]*$'

/** A key that many expect to mean something. */
export const MERGE_KEY = '<<'
export const MERGE_HINT = 'YAML 1.2 has no merge keys: write the properties out.'

const NAME_HINT = 'Names begin with a letter; letters, digits, ".", "_" and "-" may follow.'

/** `$ref: 'zilla:exit'` and so on. */
export const sharedSchemas: Readonly<Record<string, JsonSchema>> = {
  name: {
    type: 'string',
    pattern: NAME_PATTERN,
    'x-hint': NAME_HINT,
  },
  reference: {
    description: 'Name of another entry: `name`, or `namespace:name` when it stands in another document of the file.',
    type: 'string',
    minLength: 1,
  },
  exit: {
    description: 'Binding that takes over from here: `name`, or `namespace:name` of another document of the file.',
    type: 'string',
    minLength: 1,
    examples: ['south_kafka_client', 'sys:tcp_client'],
  },
  guarded: {
    description: 'Guards that must all have accepted the client, each with the roles asked for (none: any session).',
    type: 'object',
    additionalProperties: {
      description: 'Roles that are all required.',
      type: 'array',
      items: { description: 'A role.', type: 'string' },
    },
    examples: [{ authn_jwt: ['mqtt:stream'] }],
  },
  model: modelSchema,
  telemetry: {
    description: 'Metrics and labels of this binding. Accepted for compatibility; nothing reads it yet.',
    type: 'object',
    additionalProperties: false,
    properties: {
      metrics: { description: 'Patterns of metric names.', type: 'array', items: { type: 'string' } },
      attributes: { description: 'Labels.', type: 'object', additionalProperties: { type: 'string' } },
    },
    'x-warning': 'telemetry has no effect yet',
  },
}
