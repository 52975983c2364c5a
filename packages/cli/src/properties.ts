/**
 * What `-P name=value` may name, and what it means: the default of an option, a setting that a binding reads itself, or
 * nothing. A value that is written in the document stands above a property. Called by start.ts; main.ts prints the list.
 */
import { nearest, type OptionDefault } from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'

interface KnownProperty {
  readonly name: string
  /** whole numbers that it takes; absent: `true` or `false` */
  readonly range?: readonly [from: number, to: number]
  readonly about: string
  /** Absent: the binding reads the property. */
  readonly option?: Omit<OptionDefault, 'value'> & { readonly values?: readonly string[] }
}

const limit = (key: string): KnownProperty['option'] => ({
  type: 'mqtt',
  kind: 'server',
  path: ['options', 'limits', key],
})

const feature = (name: string, key: string, about: string): KnownProperty => ({
  name: `zilla.binding.${name}`,
  about: `true or false; mqtt server, features.${key}: ${about}`,
  option: { type: 'mqtt', kind: 'server', path: ['options', 'features', key] },
})

const QOS = ['at_most_once', 'at_least_once', 'exactly_once']

const KNOWN: readonly KnownProperty[] = [
  {
    name: 'zilla.binding.mqtt.connect.timeout',
    range: [1, 3600],
    about: 'seconds; mqtt server, limits.connectSeconds',
    option: limit('connectSeconds'),
  },
  {
    name: 'zilla.binding.mqtt.keep.alive.minimum',
    range: [1, 65535],
    about: 'seconds; mqtt server, limits.keepAliveSecondsMin',
    option: limit('keepAliveSecondsMin'),
  },
  {
    name: 'zilla.binding.mqtt.keep.alive.maximum',
    range: [1, 65535],
    about: 'seconds; mqtt server, limits.keepAliveSeconds',
    option: limit('keepAliveSeconds'),
  },
  {
    name: 'zilla.binding.mqtt.topic.alias.maximum',
    range: [0, 65535],
    about: 'mqtt server, limits.topicAliasMaximum',
    option: limit('topicAliasMaximum'),
  },
  ...['maximum.qos', 'publish.qos.max'].map((name) => ({
    name: `zilla.binding.mqtt.${name}`,
    range: [0, 2] as const,
    about: 'mqtt server, features.qosMax',
    option: { type: 'mqtt', kind: 'server', path: ['options', 'features', 'qosMax'], values: QOS } as const,
  })),
  feature('mqtt.retain.available', 'retain', 'retained messages'),
  feature('mqtt.wildcard.subscription.available', 'wildcardSubscriptions', 'filters with + and #'),
  feature('mqtt.subscription.identifiers.available', 'subscriptionIds', 'subscription identifiers'),
  feature('mqtt.shared.subscription.available', 'sharedSubscriptions', '$share'),
  feature('mqtt.no.local', 'noLocal', 'subscriptions without own messages'),
  feature('mqtt.kafka.will.available', 'wills', 'wills'),
  {
    name: 'zilla.binding.mqtt.kafka.publish.qos.max',
    range: [0, 2],
    about: 'mqtt-kafka, publish.qosMax',
    option: { type: 'mqtt-kafka', kind: 'proxy', path: ['options', 'publish', 'qosMax'], values: QOS },
  },
  {
    name: 'zilla.binding.kafka.client.hold.ms',
    range: [1, 2 ** 31 - 1],
    about: 'how long records wait for their answer',
  },
  {
    name: 'zilla.binding.kafka.client.ask.ms',
    range: [1, 2 ** 31 - 1],
    about: 'how long questions about topics and offsets wait',
  },
  {
    name: 'zilla.binding.kafka.client.metadata.max.age.ms',
    range: [1, 2 ** 31 - 1],
    about: 'how old what is known of topics may be',
  },
  {
    name: 'zilla.binding.kafka.client.produce.bytes.max',
    range: [1, Number.MAX_SAFE_INTEGER],
    about: 'bytes of records that may wait, over all streams',
  },
]

/** Known from Zilla; there is nothing here that they could change, whatever their value. */
const WITHOUT_EFFECT: readonly string[] = [
  ...['config.url', 'config.watch', 'config.poll.interval.seconds', 'directory', 'workers', 'service.hostname'].map(
    (name) => `zilla.engine.${name}`,
  ),
  ...['publish.timeout', 'client.id', 'session.expiry.grace.period', 'session.lease', 'session.renew'].map(
    (name) => `zilla.binding.mqtt.${name}`,
  ),
  ...['bootstrap.available', 'group.id.prefix.format'].map((name) => `zilla.binding.mqtt.kafka.${name}`),
  'zilla.binding.tls.ignore.empty.vault.refs',
]
const VERBOSE = 'zilla.engine.verbose'

export interface ReadProperties {
  readonly defaults: readonly OptionDefault[]
  /** one line for each property that changes nothing */
  readonly warnings: readonly string[]
}

/** Throws a `CommandError` for a value that a known property cannot have. */
export function readProperties(properties: ReadonlyMap<string, string>): ReadProperties {
  const defaults: OptionDefault[] = []
  const warnings: string[] = []
  for (const [name, text] of properties) {
    const known = KNOWN.find((each) => each.name === name)
    if (known === undefined) {
      warnings.push(`the property ${name} ${whyWithoutEffect(name)}`)
      continue
    }
    const value = readValue(known, text)
    if (known.option === undefined) continue
    const { values, ...option } = known.option
    defaults.push({ ...option, value: typeof value === 'number' && values !== undefined ? values[value] : value })
  }
  return { defaults, warnings }
}

function readValue({ name, range }: KnownProperty, text: string): number | boolean {
  if (range === undefined) {
    if (text === 'true' || text === 'false') return text === 'true'
    throw new CommandError(`-P ${name}=${text}: the value must be true or false`)
  }
  const [from, to] = range
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= from && value <= to) return value
  throw new CommandError(`-P ${name}=${text}: the value must be a whole number from ${from} to ${to}`)
}

function whyWithoutEffect(name: string): string {
  if (WITHOUT_EFFECT.includes(name) || name === VERBOSE || name.startsWith(`${VERBOSE}.`)) return 'has no effect here'
  const names = KNOWN.map((known) => known.name)
  const suggestion = nearest(name, names)
  if (suggestion !== undefined) return `is unknown and has no effect; did you mean ${suggestion}?`
  return `is unknown and has no effect. Known are:\n${names.map((known) => `  ${known}`).join('\n')}`
}

/** The list for `--help`. */
export function propertiesHelp(): string {
  const width = Math.max(...KNOWN.map(({ name }) => name.length)) + 2
  return KNOWN.map(({ name, about }) => `  ${name.padEnd(width)}${about}\n`).join('')
}
