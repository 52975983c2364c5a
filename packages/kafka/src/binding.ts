/** The module of `type: kafka`: which kinds there are and what runs for each. */
import type { Binding, BindingContext, BindingEntry, BindingModule, Finding, Protocol } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { CacheClient } from './cache/cache-client.ts'
import { CacheServer } from './cache/cache-server.ts'
import { KafkaClient } from './client/client.ts'
import { type KafkaConfig, schema } from './kafka.config.ts'
import type { Kafka } from './stream.ts'
import { checkNames, checkOrder } from './topic-check.ts'

/** What the exit of a kind speaks is checked by name before `attach` runs. */
type Context<Out extends Protocol> = BindingContext<KafkaConfig, Out>

function check(entry: BindingEntry<KafkaConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  const ofClient = entry.kind === 'client' ? [...checkServers(entry, exits), ...checkSasl(entry, exits)] : []
  return [...ofClient, ...checkNames(entry), ...checkOrder(entry)]
}

/** Brokers are found by an address of the client, or of the tcp client it exits to. What other exits know cannot be seen. */
function checkServers(entry: BindingEntry<KafkaConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  if (entry.options?.servers !== undefined || exits === null) return []
  const unknown = exits.length > 0 && exits.every((exit) => exit.type === 'tcp' && !hasAddress(exit.options))
  if (!unknown) return []
  const message = 'no address of a Kafka broker: name one in `options.servers`, such as `kafka.example.com:9092`'
  return [{ level: 'error', path: [], code: 'servers-missing', message }]
}

function hasAddress(options: unknown): boolean {
  const { host, port } = (options ?? {}) as { readonly host?: unknown; readonly port?: unknown }
  return host !== undefined && host !== '*' && port !== undefined
}

const SENT_AS_IS: readonly string[] = ['plain', 'oauthbearer']
const THIS_HOST = /^(localhost|127\.[\d.]+|\[::1\]):\d+$/

function checkSasl({ options }: BindingEntry<KafkaConfig>, exits: readonly BindingEntry[] | null): Finding[] {
  const { sasl, authorization, servers } = options ?? {}
  if (sasl !== undefined && authorization !== undefined) {
    const message = 'only one of `authorization` and `sasl` is accepted'
    return [{ level: 'error', path: ['options', 'sasl'], code: 'too-many-properties', message }]
  }
  const path = sasl === undefined ? ['options', 'authorization'] : ['options', 'sasl']
  const { mechanism } = sasl ?? Object.values(authorization ?? {})[0]?.credentials ?? { mechanism: '' }
  const isOpen = exits !== null && exits.length > 0 && exits.every(({ type }) => type === 'tcp')
  if (!SENT_AS_IS.includes(mechanism) || !isOpen || servers?.every((server) => THIS_HOST.test(server))) return []
  const message = `\`${mechanism}\` sends its secret as it is, and nothing encrypts it: exit to a tls client`
  return [{ level: 'warning', path, code: 'secret-in-clear', message }]
}

export const kafka = {
  type: 'kafka',
  kinds: {
    cache_client: { accepts: 'kafka', produces: 'kafka' },
    cache_server: { accepts: 'kafka', produces: 'kafka' },
    client: { accepts: 'kafka', produces: 'bytes' },
  },
  schema,
  check,
  attach(context: Context<Kafka | Bytes>): Binding<Kafka> {
    if (context.kind === 'cache_client') return new CacheClient(context as Context<Kafka>)
    if (context.kind === 'cache_server') return new CacheServer(context as Context<Kafka>)
    return new KafkaClient(context as Context<Bytes>)
  },
} satisfies BindingModule<KafkaConfig, Kafka, Kafka | Bytes>
