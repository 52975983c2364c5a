/**
 * The shape of a document around its typed entries. Validated before the entries (load.ts) and the frame of the composed
 * schema (compose.ts). Says nothing of what a type decides itself.
 */
import type { JsonSchema } from '../contract.ts'
import { MERGE_HINT, MERGE_KEY } from './shared-schemas.ts'

const name = { $ref: 'zilla:name' }

/** The kinds of named entries a document has; each is a section of the root. */
export const SECTIONS = ['bindings', 'guards', 'vaults', 'stores', 'catalogs'] as const
export type Section = (typeof SECTIONS)[number]

/** Types of stores, which the engine itself knows: sessions live with the binding that is asked for them. */
export const STORE_TYPES: readonly string[] = ['memory']

const section = (description: string): JsonSchema => ({
  description,
  type: 'object',
  propertyNames: name,
  additionalProperties: { $ref: '#/$defs/entry' },
})

export const envelopeSchema: JsonSchema = {
  title: 'zilla.yaml',
  description: 'One namespace: bindings that hand streams to each other, and what they use.',
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { ...name, description: 'Name of the namespace.', examples: ['example'] },
    bindings: section('Protocol endpoints and translations, each handing over to the next by `exit`.'),
    guards: section('What checks the credentials of clients.'),
    vaults: section('Where keys and certificates are kept.'),
    stores: section('Where bindings keep small shared state.'),
    catalogs: section('Where schemas of messages are found.'),
    telemetry: {
      description: 'Metrics and where they go.',
      type: 'object',
      additionalProperties: false,
      properties: {
        attributes: {
          description: 'Labels. Accepted for compatibility; nothing reads them yet.',
          type: 'object',
          additionalProperties: { type: 'string' },
          'x-warning': 'telemetry attributes have no effect yet',
        },
        metrics: {
          description: 'Names of metrics. Accepted for compatibility; nothing reads them yet.',
          type: 'array',
          uniqueItems: true,
          items: { type: 'string' },
          'x-warning': 'telemetry metrics have no effect yet',
        },
        exporters: section('Who gets the metrics.'),
      },
    },
  },
  $defs: {
    entry: {
      type: 'object',
      required: ['type'],
      properties: {
        type: { description: 'What handles this entry.', type: 'string' },
        [MERGE_KEY]: { not: {}, 'x-hint': MERGE_HINT },
      },
    },
  },
}

/** The whole of a store entry. */
export const storeSchema: JsonSchema = {
  title: 'memory',
  description: 'A store inside the process.',
  type: 'object',
  required: ['type'],
  additionalProperties: false,
  properties: { type: { const: 'memory', description: 'Kept in memory.' } },
}
