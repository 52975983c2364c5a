/** The documents that the bench runs, and an engine that runs one of them. */
import { EngineProcess } from '@zilla-ts/testing'
import { type Front, OPEN } from './fronts.ts'

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
export function startEngine(backend: Backend, topics: Topics, front = OPEN): Promise<EngineProcess> {
  const nodeArgs = process.env['ZILLA_BENCH_NODE_ARGS']?.split(' ') ?? []
  const { directory } = front
  const text = document(backend, topics, front)
  return EngineProcess.start({ document: text, nodeArgs, ...(directory !== undefined && { directory }) })
}

function document(backend: Backend, topics: Topics, { sections, authorization, guarded, tls }: Front): string {
  const tlsServer = `
  tls_server: { type: tls, kind: server, vault: keys, options: { keys: [server] }, exit: mqtt_server }`
  return `name: bench
${sections}bindings:
  tcp_server:
    type: tcp
    kind: server
    options: { host: 127.0.0.1, port: 0 }
    exit: ${tls ? 'tls_server' : 'mqtt_server'}${tls ? tlsServer : ''}
  mqtt_server:
    type: mqtt
    kind: server
    # All clients come from one address, faster than any fleet.
    options:
      limits: { connectsPerSecond: 1000000, addressConnectsPerSecond: 1000000 }
${authorization === '' ? '' : `      authorization: { ${authorization} }\n`}    routes: [{ ${guarded === '' ? '' : `guarded: { ${guarded} }, `}exit: mapping }]
  mapping:
    type: mqtt-kafka
    kind: proxy
    options:
      topics: ${JSON.stringify(topics)}
      create: { partitions: 12 }
    exit: ${backend.exit}
${backend.bindings}`
}
