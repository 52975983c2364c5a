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
        exporters: section('Who gets events and metrics.'),
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

/** Nothing is done for them, so that they may say what they like. */
const silent = (type: string): JsonSchema => ({
  title: type,
  description: 'Accepted for compatibility; not in this version.',
  type: 'object',
  required: ['type'],
  properties: {
    type: { const: type, 'x-warning': `exporters of type \`${type}\` are not in this version: nothing is exported` },
  },
})

/** The whole of an exporter entry, by type. A document runs as well without what they would export. */
export const exporterSchemas: Readonly<Record<string, JsonSchema>> = {
  // Every event goes to the standard output anyway: who asks for that has it.
  stdout: {
    title: 'stdout',
    description: 'Events on the standard output, where they go with or without it.',
    type: 'object',
    required: ['type'],
    additionalProperties: false,
    properties: { type: { const: 'stdout', description: 'Written to the standard output.' } },
  },
  prometheus: silent('prometheus'),
  otlp: silent('otlp'),
}
export const EXPORTER_TYPES: readonly string[] = Object.keys(exporterSchemas)
