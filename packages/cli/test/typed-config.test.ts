/**
 * Documents in TypeScript. What is wrong is found by the compiler, when the types of tests are checked: each
 * `@ts-expect-error` fails where there is no error. What it accepts must be valid.
 */
import { defineConfig, loadConfig, type ZillaConfig } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { standard } from '../src/standard.ts'

declare module '@zilla-ts/engine' {
  interface BindingTypes {
    sink: { type: 'sink'; kind: 'server'; options?: { bytes: number } }
  }
}

const right: ZillaConfig = {
  name: 'example',
  bindings: {
    north: { type: 'tcp', kind: 'server', options: { host: '127.0.0.1', port: ['7183-7185', 8883] }, exit: 'mqtt' },
    mqtt: {
      type: 'mqtt',
      kind: 'server',
      options: {
        versions: ['v5'],
        limits: { packetBytes: 1024 },
        topics: [{ name: 'sensors/#', content: { model: 'json', catalog: { schemas: [{ subject: 'sensor' }] } } }],
      },
      routes: [{ when: [{ publish: [{ topic: 'a/#' }] }, { subscribe: [{ topic: 'a/#' }] }], exit: 'mapping' }],
    },
    mapping: {
      type: 'mqtt-kafka',
      kind: 'proxy',
      options: { topics: { sessions: 's', messages: 'm', retained: 'r' } },
      exit: 'log',
    },
    log: { type: 'kafka-embedded', kind: 'server', options: { directory: 'log' } },
  },
  catalogs: { schemas: { type: 'inline', options: { subjects: { sensor: { schema: '{}' } } } } },
}

// As a document of its own in another namespace, whose bindings are of a type from elsewhere.
export const merged: ZillaConfig = {
  name: 'x',
  bindings: { s: { type: 'sink', kind: 'server', options: { bytes: 1 } } },
}

export const wrong: readonly ZillaConfig[] = [
  // @ts-expect-error there is no name
  { bindings: {} },
  // @ts-expect-error an unknown section
  { name: 'x', binding: {} },
  // @ts-expect-error an unknown type
  { name: 'x', bindings: { a: { type: 'tpc', kind: 'server' } } },
  // @ts-expect-error a kind that the type has not
  { name: 'x', bindings: { a: { type: 'echo', kind: 'client' } } },
  // @ts-expect-error an option of the other kind
  { name: 'x', bindings: { a: { type: 'mqtt', kind: 'client', options: { versions: ['v5'] } } } },
  // @ts-expect-error a value that is not among those allowed
  { name: 'x', bindings: { a: { type: 'mqtt', kind: 'server', options: { versions: ['v4'] } } } },
  // @ts-expect-error a text where a number belongs
  { name: 'x', bindings: { a: { type: 'mqtt', kind: 'server', options: { limits: { packetBytes: '1k' } } } } },
  // @ts-expect-error a misspelt option
  { name: 'x', bindings: { a: { type: 'mqtt', kind: 'server', options: { version: ['v5'] } } } },
  // @ts-expect-error options that must be there are not
  { name: 'x', bindings: { a: { type: 'mqtt-kafka', kind: 'proxy', exit: 'b' } } },
  // @ts-expect-error two of three topics are missing
  { name: 'x', bindings: { a: { type: 'mqtt-kafka', kind: 'proxy', options: { topics: { sessions: 's' } } } } },
  // @ts-expect-error a catalog among the guards
  { name: 'x', guards: { a: { type: 'inline', options: { subjects: {} } } } },
  // @ts-expect-error an option of a type from elsewhere
  { name: 'x', bindings: { s: { type: 'sink', kind: 'server', options: { bytes: '1' } } } },
]

// @ts-expect-error a misspelt property
export const misspelt = defineConfig({ name: 'x', bindings: { a: { type: 'echo', kind: 'server', exti: 'b' } } })
// @ts-expect-error a document without a name among several
export const several = defineConfig([{ name: 'x' }, {}])

describe('a typed document', () => {
  it('that the compiler accepts is valid', () => {
    const text = JSON.stringify(defineConfig(right))
    expect(loadConfig({ text, file: 'zilla.config.ts', registry: standard, environment: {} }).problems).toEqual([])
  })

  it('is what was given', () => {
    expect(defineConfig([right])).toEqual([right])
  })
})
