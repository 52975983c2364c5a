/**
 * Small modules for the tests of the configuration: their schemas use everything that real ones may use. They are never
 * attached.
 */
import {
  type BindingEntry,
  type BindingModule,
  type CatalogModule,
  createRegistry,
  type Finding,
  type GuardModule,
  type JsonSchema,
  type Registry,
} from '../src/index.ts'

const never = (): never => {
  throw new Error('modules of the configuration tests do not run')
}

const routes = (route: JsonSchema): JsonSchema => ({
  type: 'array',
  items: {
    type: 'object',
    additionalProperties: false,
    properties: { guarded: { $ref: 'zilla:guarded' }, exit: { $ref: 'zilla:exit' }, ...route },
  },
})

const entry = (type: string, kinds: string[], properties: JsonSchema, rest: JsonSchema = {}): JsonSchema => ({
  title: type,
  type: 'object',
  additionalProperties: false,
  required: ['type', 'kind'],
  properties: { type: { const: type }, kind: { enum: kinds }, exit: { $ref: 'zilla:exit' }, ...properties },
  ...rest,
})

const onKind = (kind: string, then: JsonSchema): JsonSchema => ({
  if: { properties: { kind: { const: kind } } },
  then,
})

const port: JsonSchema = { type: 'integer', minimum: 1, maximum: 65535 }

interface TcpConfig {
  options?: { host?: string; port?: number | string | (number | string)[] }
  when?: { cidr?: string }
}

const tcp: BindingModule<TcpConfig> = {
  type: 'tcp',
  kinds: { server: { produces: 'bytes' }, client: { accepts: 'bytes' } },
  schema: entry(
    'tcp',
    ['server', 'client'],
    {
      options: {
        type: 'object',
        additionalProperties: false,
        properties: {
          host: { type: 'string', default: '0.0.0.0' },
          port: {
            anyOf: [
              port,
              { type: 'string', pattern: '^\\d+(-\\d+)?$', 'x-hint': 'Write a port or a range such as 7183-7190.' },
              { type: 'array', items: { anyOf: [port, { type: 'string', pattern: '^\\d+(-\\d+)?$' }] } },
            ],
          },
        },
      },
      routes: routes({
        when: {
          type: 'array',
          items: { type: 'object', additionalProperties: false, properties: { cidr: { type: 'string' } } },
        },
      }),
    },
    { allOf: [onKind('server', { required: ['options'], properties: { options: { required: ['port'] } } })] },
  ),
  check: checkPorts,
  attach: never,
}

function checkPorts({ options }: BindingEntry<TcpConfig>): Finding[] {
  const [from, to] = typeof options?.port === 'string' ? options.port.split('-').map(Number) : []
  if (from === undefined || to === undefined || from <= to) return []
  return [
    { level: 'error', path: ['options', 'port'], code: 'port-range-empty', message: `no port lies in ${from}-${to}` },
  ]
}

const credentials: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    username: { type: 'string' },
    password: { type: 'string' },
    credentials: { type: 'object', properties: { connect: { type: 'object' } } },
  },
  oneOf: [{ required: ['username'] }, { required: ['password'] }, { required: ['credentials'] }],
}

const mqtt: BindingModule = {
  type: 'mqtt',
  kinds: { server: { accepts: 'bytes', produces: 'mqtt' }, client: { accepts: 'mqtt', produces: 'bytes' } },
  schema: entry(
    'mqtt',
    ['server', 'client'],
    {
      options: {
        type: 'object',
        additionalProperties: false,
        default: {},
        properties: {
          versions: { type: 'array', items: { enum: ['v3.1.1', 'v5'] }, uniqueItems: true, default: ['v3.1.1', 'v5'] },
          store: { $ref: 'zilla:reference', 'x-reference': 'store' },
          authorization: {
            type: 'object',
            maxProperties: 1,
            'x-keys-reference': 'guard',
            additionalProperties: { $ref: '#/$defs/credentials' },
          },
          clean: { type: 'boolean' },
          topics: {
            type: 'array',
            items: {
              type: 'object',
              additionalProperties: false,
              properties: { content: { $ref: 'zilla:model' } },
            },
          },
        },
      },
      routes: routes({
        when: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            properties: {
              publish: { type: 'array', items: { $ref: '#/$defs/filter' } },
              subscribe: { type: 'array', items: { $ref: '#/$defs/filter' } },
              capabilities: { not: {}, 'x-hint': 'Use `publish` or `subscribe` instead.' },
            },
          },
        },
      }),
    },
    {
      allOf: [onKind('client', { properties: { options: { properties: { versions: false, store: false } } } })],
      $defs: {
        credentials,
        filter: {
          type: 'object',
          additionalProperties: false,
          required: ['topic'],
          properties: { topic: { type: 'string', minLength: 1 } },
        },
      },
    },
  ),
  attach: never,
}

const topic: JsonSchema = {
  type: 'string',
  pattern: '^[a-zA-Z0-9._-]{1,249}$',
  'x-hint': 'Kafka topic names have letters, digits, ".", "_" and "-".',
}

const mqttKafka: BindingModule = {
  type: 'mqtt-kafka',
  kinds: { proxy: { accepts: 'mqtt', produces: 'kafka', everyRoute: true } },
  schema: entry(
    'mqtt-kafka',
    ['proxy'],
    {
      options: {
        type: 'object',
        additionalProperties: false,
        required: ['topics'],
        properties: {
          topics: {
            type: 'object',
            additionalProperties: false,
            required: ['sessions', 'messages', 'retained'],
            properties: { sessions: topic, messages: topic, retained: topic },
          },
          clients: { type: 'array', items: { type: 'string' } },
          server: {
            type: 'string',
            deprecated: true,
            description: 'Use the property `zilla.engine.service.hostname`.',
          },
        },
      },
      routes: routes({
        when: { type: 'array', items: { type: 'object' } },
        with: { type: 'object', additionalProperties: false, properties: { messages: topic } },
      }),
    },
    { allOf: [onKind('proxy', { required: ['options'] })] },
  ),
  attach: never,
}

const sasl: JsonSchema = {
  type: 'object',
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['mechanism', 'username'],
      properties: { mechanism: { enum: ['plain', 'scram-sha-256'] }, username: { type: 'string' } },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['mechanism', 'token'],
      properties: { mechanism: { const: 'oauthbearer' }, token: { type: 'string' } },
    },
  ],
}

const kafka: BindingModule = {
  type: 'kafka',
  kinds: {
    cache_client: { accepts: 'kafka', produces: 'kafka' },
    client: { accepts: 'kafka', produces: 'bytes', exitOptional: true },
  },
  schema: entry('kafka', ['cache_client', 'client'], {
    options: {
      type: 'object',
      additionalProperties: false,
      properties: {
        servers: {
          type: 'array',
          minItems: 1,
          items: { type: 'string', pattern: '^[^:]+:\\d+$', 'x-hint': 'Servers are written host:port.' },
        },
        sasl,
      },
    },
    routes: routes({ when: { type: 'array', items: { type: 'object' } } }),
  }),
  attach: never,
}

const echo: BindingModule = {
  type: 'echo',
  kinds: { server: { accepts: 'bytes' } },
  schema: entry('echo', ['server'], { exit: false }),
  attach: never,
}

const jwt: GuardModule<{ issuer: string }> = {
  type: 'jwt',
  schema: {
    title: 'jwt',
    type: 'object',
    additionalProperties: false,
    required: ['type', 'options'],
    properties: {
      type: { const: 'jwt' },
      options: {
        type: 'object',
        additionalProperties: false,
        required: ['issuer'],
        properties: {
          issuer: { type: 'string' },
          audience: { type: 'string' },
          challenge: { type: 'integer', minimum: 0 },
        },
      },
    },
  },
  check: ({ options }) =>
    options?.issuer.startsWith('http://')
      ? [
          {
            level: 'warning',
            path: ['options', 'issuer'],
            code: 'issuer-insecure',
            message: 'the issuer is not read over TLS',
          },
        ]
      : [],
  attach: never,
}

/** Knows its roles beforehand. */
const x509: GuardModule<{ roles: Record<string, unknown> }> = {
  type: 'x509',
  schema: {
    title: 'x509',
    type: 'object',
    additionalProperties: false,
    required: ['type', 'options'],
    properties: {
      type: { const: 'x509' },
      options: { type: 'object', properties: { roles: { type: 'object', default: {} } } },
    },
  },
  roles: ({ roles }) => new Set(Object.keys(roles)),
  attach: never,
}

interface Subjects {
  subjects: Record<string, { schema: string; version: string }>
}

const inline: CatalogModule<Subjects> = {
  type: 'inline',
  schema: {
    title: 'inline',
    type: 'object',
    additionalProperties: false,
    required: ['type', 'options'],
    properties: {
      type: { const: 'inline' },
      options: {
        type: 'object',
        additionalProperties: false,
        required: ['subjects'],
        properties: {
          subjects: {
            type: 'object',
            additionalProperties: {
              type: 'object',
              additionalProperties: false,
              required: ['schema'],
              properties: { schema: { type: 'string' }, version: { type: 'string', default: 'latest' } },
            },
          },
        },
      },
    },
  },
  check: ({ options }) =>
    Object.entries(options?.subjects ?? {})
      .filter(([, { schema }]) => schema === '')
      .map(([subject]) => ({
        level: 'error',
        path: ['options', 'subjects', subject, 'schema'],
        code: 'schema-invalid',
        message: 'nothing is no schema',
      })),
  subjects: ({ subjects }) => new Map(Object.entries(subjects).map(([subject, { version }]) => [subject, version])),
  attach: never,
}

/** A catalog that knows its subjects only when it runs. */
const remote: CatalogModule = {
  type: 'remote',
  schema: {
    title: 'remote',
    type: 'object',
    additionalProperties: false,
    required: ['type'],
    properties: { type: { const: 'remote' } },
  },
  attach: never,
}

/** What the golden documents are written for. */
export function testRegistry(): Registry {
  return createRegistry({
    bindings: [tcp, mqtt, mqttKafka, kafka, echo],
    guards: [jwt, x509],
    catalogs: [inline, remote],
  })
}
