/**
 * What `-P name=value` may name, and what it means: the default of an option, a setting that a binding reads itself, or
 * nothing. A value that is written in the document stands above a property. Called by start.ts; main.ts prints the list.
 */
import { nearest, type OptionDefault } from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'

interface KnownProperty {
  readonly name: string
  /** whole numbers that it takes */
  readonly from: number
  readonly to: number
  readonly about: string
  /** Absent: the binding reads the property. */
  readonly option?: Omit<OptionDefault, 'value'> & { readonly values?: readonly string[] }
}

const limit = (key: string): KnownProperty['option'] => ({
  type: 'mqtt',
  kind: 'server',
  path: ['options', 'limits', key],
})

const PUBLISH_QOS = ['at_most_once', 'at_least_once', 'exactly_once']

const KNOWN: readonly KnownProperty[] = [
  {
    name: 'zilla.binding.mqtt.connect.timeout',
    from: 1,
    to: 3600,
    about: 'seconds; mqtt server, limits.connectSeconds',
    option: limit('connectSeconds'),
  },
  {
    name: 'zilla.binding.mqtt.keep.alive.minimum',
    from: 1,
    to: 65535,
    about: 'seconds; mqtt server, limits.keepAliveSecondsMin',
    option: limit('keepAliveSecondsMin'),
  },
  {
    name: 'zilla.binding.mqtt.keep.alive.maximum',
    from: 1,
    to: 65535,
    about: 'seconds; mqtt server, limits.keepAliveSeconds',
    option: limit('keepAliveSeconds'),
  },
  {
    name: 'zilla.binding.mqtt.topic.alias.maximum',
    from: 0,
    to: 65535,
    about: 'mqtt server, limits.topicAliasMaximum',
    option: limit('topicAliasMaximum'),
  },
  {
    name: 'zilla.binding.mqtt.kafka.publish.qos.max',
    from: 0,
    to: 2,
    about: 'mqtt-kafka, publish.qosMax',
    option: { type: 'mqtt-kafka', kind: 'proxy', path: ['options', 'publish', 'qosMax'], values: PUBLISH_QOS },
  },
  {
    name: 'zilla.binding.kafka.client.hold.ms',
    from: 1,
    to: 2 ** 31 - 1,
    about: 'how long records wait for their answer',
  },
  {
    name: 'zilla.binding.kafka.client.ask.ms',
    from: 1,
    to: 2 ** 31 - 1,
    about: 'how long questions about topics and offsets wait',
  },
  {
    name: 'zilla.binding.kafka.client.metadata.max.age.ms',
    from: 1,
    to: 2 ** 31 - 1,
    about: 'how old what is known of topics may be',
  },
  {
    name: 'zilla.binding.kafka.client.produce.bytes.max',
    from: 1,
    to: Number.MAX_SAFE_INTEGER,
    about: 'bytes of records that may wait, over all streams',
  },
]

/** Known from Zilla; there is nothing here that they could change, whatever their value. */
const WITHOUT_EFFECT: readonly string[] = [
  ...['config.url', 'config.watch', 'config.poll.interval.seconds', 'directory', 'workers', 'service.hostname'].map(
    (name) => `zilla.engine.${name}`,
  ),
  ...['publish.timeout', 'maximum.qos', 'retain.available', 'wildcard.subscription.available', 'publish.qos.max'].map(
    (name) => `zilla.binding.mqtt.${name}`,
  ),
  ...['subscription.identifiers.available', 'shared.subscription.available', 'no.local', 'client.id'].map(
    (name) => `zilla.binding.mqtt.${name}`,
  ),
  ...['session.expiry.grace.period', 'session.lease', 'session.renew'].map((name) => `zilla.binding.mqtt.${name}`),
  ...['will.available', 'bootstrap.available', 'group.id.prefix.format'].map(
    (name) => `zilla.binding.mqtt.kafka.${name}`,
  ),
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
    const value = numberOf(known, text)
    if (known.option === undefined) continue
    const { values, ...option } = known.option
    defaults.push({ ...option, value: values === undefined ? value : values[value] })
  }
  return { defaults, warnings }
}

function numberOf({ name, from, to }: KnownProperty, text: string): number {
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
