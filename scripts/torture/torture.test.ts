/** A short run of the kit on each storage: as many faults as fit. Longer ones: `npm run torture`. */
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { kafkaBootstrap } from '../test-environment.mjs'
import { run } from './run.ts'
import { embeddedStorage, kafkaStorage } from './storage.ts'

const bootstrap = process.platform === 'linux' ? await kafkaBootstrap() : undefined
const SHORT = {
  seed: 7,
  seconds: 12,
  rate: 200,
  engines: 1,
  clients: 20,
  directory: tmpdir(),
  only: 'SIGKILL',
  memoryMib: 512,
}
const log = () => {}

it.skipIf(process.platform !== 'linux')(
  'embedded: every promise holds while the engine is killed',
  async () => {
    const { findings } = await run(embeddedStorage(), { ...SHORT, log })
    expect(told(findings.violations)).toEqual([])
    expect(findings.counts['messages stored']).toBeGreaterThan(100)
  },
  240_000,
)

it.skipIf(bootstrap === undefined)(
  'Kafka: every promise holds while engines are killed',
  async () => {
    const { findings } = await run(await kafkaStorage(bootstrap), { ...SHORT, engines: 2, log })
    expect(told(findings.violations)).toEqual([])
    expect(findings.counts['messages stored']).toBeGreaterThan(100)
  },
  240_000,
)

function told(violations: Readonly<Record<string, { readonly texts: readonly string[] }>>): string[] {
  return Object.entries(violations).flatMap(([promise, { texts }]) => texts.map((text) => `${promise}: ${text}`))
}
