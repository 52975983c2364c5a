/**
 * The page of limits: every option under `options.limits` of the bindings that face clients, with its default and what a client
 * is told. Called by generate.ts; what an option means is in its schema, what is told and counted in docs/limits.json. An
 * option without an entry there, or an entry without an option, is an error.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Option {
  readonly description?: string
  readonly default?: unknown
}

interface Told {
  /** to a client of MQTT 5.0 */
  readonly v5: string
  /** of 3.1.1 */
  readonly v3: string
  /** null: none of its own */
  readonly counter: string | null
}

interface Schema {
  readonly properties: {
    readonly options: {
      readonly properties: { readonly limits: { readonly properties: Readonly<Record<string, Option>> } }
    }
  }
  readonly allOf?: readonly { readonly else?: Schema }[]
}

const SOURCE = 'docs/limits.json'
const SCHEMAS: Readonly<Record<string, string>> = {
  tcp: 'packages/net/src/tcp/tcp.schema.json',
  mqtt: 'packages/mqtt/src/mqtt.schema.json',
  'mqtt-kafka': 'packages/mqtt-kafka/src/mqtt-kafka.schema.json',
}

/** The text of docs/limits.md. */
export function limitsPage(root: string): string {
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(root, file), 'utf8')) as T
  const told = read<Record<string, Record<string, Told>>>(SOURCE)
  const sections = Object.entries(SCHEMAS).map(([type, file]) => section(type, read<Schema>(file), told[type] ?? {}))
  return [...introduction(), ...sections.flat(), ''].join('\n')
}

function introduction(): string[] {
  return [
    '# Limits',
    '',
    `<!-- Generated from the schemas and ${SOURCE}: do not edit; npm run generate -->`,
    '',
    'Each is an option below `options.limits` of its binding. What a client may do is bounded by count, by bytes or by time; what is refused',
    'is answered in the words of its version, counted, and logged, at most ten lines a second of a kind. A publish of QoS 0 has no answer.',
    '',
    'Rates are token buckets. A client beyond `publishesPerSecond`, `bytesPerSecond` or `subscribesPerSecond` is not read until it is within',
    'again: TCP holds it back, nothing is lost, and its keep-alive rests meanwhile. It is not disconnected with 0x96, because a client that',
    'is held back needs no repair, and one of 3.1.1 could not be told.',
    '',
    'Addresses are those of sockets, or what a PROXY header says. Behind a load balancer without that header all clients have one',
    'address: leave `addressConnections` out then, and set `addressConnectsPerSecond` as high as `connectsPerSecond`.',
    '',
    'Set `connections` of tcp above `connections` and `unconnected` of mqtt together, so that clients are told why they are refused.',
    'With `-w`, each process has limits of its own, except for `sessions` and the retained messages, which all processes share.',
    '',
  ]
}

function section(type: string, schema: Schema, told: Readonly<Record<string, Told>>): string[] {
  const options = Object.entries(schema.properties.options.properties.limits.properties)
  const ofOthers = notOfServers(schema)
  const names = options.map(([name]) => name).filter((name) => !ofOthers.has(name))
  const strays = [
    ...names.filter((name) => !(name in told)),
    ...Object.keys(told).filter((name) => !names.includes(name)),
  ]
  if (strays.length > 0) throw new Error(`${SOURCE} and the schema of ${type} differ in: ${strays.join(', ')}`)
  return [
    `## ${type}`,
    '',
    '| limit | default | what it bounds | MQTT 5.0 | 3.1.1 | counter |',
    '| --- | --- | --- | --- | --- | --- |',
    ...options.filter(([name]) => names.includes(name)).map(([name, option]) => row(name, option, told[name]!)),
    '',
  ]
}

function row(name: string, option: Option, { v5, v3, counter }: Told): string {
  const value = typeof option.default === 'number' ? option.default.toLocaleString('en') : '—'
  const description = option.description?.replaceAll('|', '\\|') ?? ''
  return `| \`${name}\` | ${value} | ${description} | ${v5} | ${v3} | ${counter === null ? '—' : `\`${counter}\``} |`
}

/** Options that a server must not have. */
function notOfServers({ allOf = [] }: Schema): ReadonlySet<string> {
  const names = allOf.flatMap((part) =>
    Object.entries(part.else?.properties.options.properties.limits.properties ?? {})
      .filter(([, option]) => (option as unknown) === false)
      .map(([name]) => name),
  )
  return new Set(names)
}
