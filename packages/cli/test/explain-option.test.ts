/** `zilla-ts explain option`: what is printed of a property, however it is named. */
import { describe, expect, it } from 'vitest'
import { explainOption } from '../src/explain-option.ts'
import { standard } from '../src/standard.ts'

const explain = (name: string): string => explainOption(name, standard)

describe('explain option', () => {
  it('prints all that the schema says of a property', () => {
    expect(explain('mqtt.options.limits.packetBytes')).toBe(`binding mqtt: options.limits.packetBytes
  Largest packet taken from a peer; what the exit can store may be less.

  type      integer (128 to 268435460)
  default   268435460
`)
  })

  it('prints which kinds take it when not all do, and its values', () => {
    const text = explain('mqtt.options.versions')
    expect(text).toContain('  type      list (not empty, none twice) of v3.1.1 or v5\n')
    expect(text).toContain('  default   ["v3.1.1","v5"]\n')
    expect(text).toContain('  kinds     server\n')
  })

  it('prints examples, the form that is asked for, and that it must be there', () => {
    expect(explain('mqtt.client.server')).toContain('  like      "mqtt://mqtt.example.com:1883"\n')
    expect(explain('mqtt.client.server')).toContain('  form      A server is written mqtt://host:port')
    expect(explain('mqtt.redirect.server')).toContain('  required  yes\n')
    expect(explain('mqtt.store')).toContain('  names a   store\n')
    expect(explain('mqtt-kafka.options.server')).toContain('  old form  yes\n')
  })

  it('lists what a mapping holds', () => {
    expect(explain('mqtt-kafka.options.topics')).toMatch(
      /It holds:\n {2}sessions {2}Compacted topic .*\n {2}messages .*\n {2}retained /,
    )
    expect(explain('mqtt.topics.content')).toMatch(/It holds:\n {2}model {6}What the bytes are\.\n/)
  })

  it.each([
    ['mqtt.server.options.limits.packetBytes', 'binding mqtt: options.limits.packetBytes'],
    ['bindings.mqtt.limits.packetBytes', 'binding mqtt: options.limits.packetBytes'],
    ['mqtt.routes[0].when[].publish.topic', 'binding mqtt: routes[].when[].publish[].topic'],
    ['catalogs.inline.subjects', 'catalog inline: options.subjects'],
    ['inline.subjects.mine.schema', 'catalog inline: options.subjects.*.schema'],
    ['inline.subjects.schema', 'catalog inline: options.subjects.*.schema'],
    ['catalog.filesystem', 'catalog filesystem'],
    ['telemetry.exporters.stdout', 'exporter stdout'],
    ['telemetry.metrics', 'telemetry.metrics'],
    ['model.range', 'model: range'],
    ['bindings', 'bindings'],
  ])('finds %s', (name, title) => {
    expect(explain(name).split('\n', 1)[0]).toBe(title)
  })

  it('says why something is not accepted', () => {
    expect(explain('kafka.topics.transforms')).toContain('Not accepted. Transforms are not supported')
  })

  it.each([
    ['mqtt.options.version', 'mqtt.options.versions'],
    ['mqtt.limit.packetBytes', 'mqtt.limits.packetBytes'],
    ['mqtt.packetBytes', 'mqtt.options.limits.packetBytes'],
    ['mqtt.client.options.versions', 'mqtt.options.versions'],
    ['mqttt', 'mqtt'],
  ])('asks whether by %s another was meant', (name, meant) => {
    expect(() => explain(name)).toThrow(`there is no option \`${name}\`; did you mean \`${meant}\`?`)
  })

  it.each(['zzzzzz', '', '.', 'mqtt.zzzzzzzzz.yyyyyyyyyyyy', '__proto__', 'mqtt.constructor'])(
    'does not know %j',
    (name) => {
      expect(() => explain(name)).toThrow('there is no option')
    },
  )

  it('finds every property of every type by its own path', () => {
    for (const { type } of standard.bindings) {
      for (const line of explain(type).split('It holds:\n')[1]!.trim().split('\n')) {
        expect(explain(`bindings.${type}.${line.trim().split(' ', 1)[0]}`)).toContain(`binding ${type}: `)
      }
    }
  })
})
