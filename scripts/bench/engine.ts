/** The documents that the bench runs, and an engine that runs one of them. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EngineProcess } from '@zilla-ts/testing'
import type { Front } from './fronts.ts'

export interface Backend {
  readonly name: 'embedded' | 'kafka'
  /** the bindings after mqtt-kafka, as YAML, indented by two */
  readonly bindings: string
  /** the first of them */
  readonly exit: string
}

export interface Topics {
  readonly sessions: string
  readonly messages: string
  readonly retained: string
}

/** Starts an engine on a free port with topics of its own. `ZILLA_BENCH_NODE_ARGS`: for a profiler, say. */
export async function startEngine(backend: Backend, topics: Topics, front?: Front): Promise<EngineProcess> {
  const nodeArgs = process.env['ZILLA_BENCH_NODE_ARGS']?.split(' ') ?? []
  const directory = mkdtempSync(join(tmpdir(), 'zilla-engine-'))
  await front?.prepare(directory)
  return EngineProcess.start({ document: document(backend, topics, front), directory, nodeArgs })
}

function document(backend: Backend, topics: Topics, front?: Front): string {
  const authorization = front?.authorization === undefined ? '' : `authorization: ${front.authorization}, `
  const exit = front?.guarded === undefined ? 'exit: mapping' : `routes: [{ guarded: ${front.guarded}, exit: mapping }]`
  return `name: bench
${front?.entries ?? ''}bindings:
  tcp_server:
    type: tcp
    kind: server
    options: { host: 127.0.0.1, port: 0 }
    exit: ${front?.exit ?? 'mqtt_server'}
${front?.bindings ?? ''}  mqtt_server:
    type: mqtt
    kind: server
    # All clients come from one address, faster than any fleet.
    options: { ${authorization}limits: { connectsPerSecond: 1000000, addressConnectsPerSecond: 1000000 } }
    ${exit}
  mapping:
    type: mqtt-kafka
    kind: proxy
    options:
      topics: ${JSON.stringify(topics)}
      create: { partitions: 12 }
    exit: ${backend.exit}
${backend.bindings}`
}
