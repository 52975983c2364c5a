/** The documents that the bench runs, and an engine that runs one of them. */
import { EngineProcess } from '@zilla-ts/testing'

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
export function startEngine(backend: Backend, topics: Topics): Promise<EngineProcess> {
  const nodeArgs = process.env['ZILLA_BENCH_NODE_ARGS']?.split(' ') ?? []
  return EngineProcess.start({ document: document(backend, topics), nodeArgs })
}

function document(backend: Backend, topics: Topics): string {
  return `name: bench
bindings:
  tcp_server:
    type: tcp
    kind: server
    options: { host: 127.0.0.1, port: 0 }
    exit: mqtt_server
  mqtt_server:
    type: mqtt
    kind: server
    # All clients come from one address, faster than any fleet.
    options: { limits: { connectsPerSecond: 1000000, addressConnectsPerSecond: 1000000 } }
    exit: mapping
  mapping:
    type: mqtt-kafka
    kind: proxy
    options:
      topics: ${JSON.stringify(topics)}
      create: { partitions: 12 }
    exit: ${backend.exit}
${backend.bindings}`
}
