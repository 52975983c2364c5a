/** The engine as its users run it: a process of its own, measured from outside. Linux only (`/proc`). */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../packages/cli/bin/zilla-ts', import.meta.url))
const TICKS_PER_SECOND = 100
const READY_MS = 60_000

export interface Backend {
  readonly name: 'embedded' | 'kafka'
  /** the bindings after mqtt-kafka, as YAML, indented by two */
  readonly tail: (directory: string) => string
  readonly exit: string
}

export class EngineProcess {
  readonly directory: string
  readonly port: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, directory: string, port: number) {
    this.#child = child
    this.directory = directory
    this.port = port
  }

  /** Starts an engine on a free port with topics of this run and waits until it serves. */
  static async start(
    backend: Backend,
    topics: { sessions: string; messages: string; retained: string },
  ): Promise<EngineProcess> {
    const directory = mkdtempSync(join(tmpdir(), 'zilla-bench-'))
    writeFileSync(join(directory, 'zilla.yaml'), document(backend, topics, directory))
    const args = [...(process.env['ZILLA_BENCH_NODE_OPTIONS']?.split(' ') ?? []), BIN, 'start', '-c', 'zilla.yaml']
    const child = spawn(process.execPath, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
    return new EngineProcess(child, directory, await listening(child))
  }

  /** CPU seconds used so far, user and system. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  /** resident memory, bytes */
  rssBytes(): number {
    const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))?.[1]
    return Number(kib) * 1024
  }

  /** Stops the engine as an operator would, keeping its directory until `remove`. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await exited
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function document(backend: Backend, topics: object, directory: string): string {
  return `name: bench
bindings:
  tcp_server:
    type: tcp
    kind: server
    options: { host: 127.0.0.1, port: 0 }
    exit: mqtt_server
  mqtt_server: { type: mqtt, kind: server, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options:
      topics: ${JSON.stringify(topics)}
      create: { partitions: 12 }
    exit: ${backend.exit}
${backend.tail(directory)}`
}

/** The port that the engine names in its log. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = ''
    const late = setTimeout(() => reject(new Error(`the engine was not ready in time:\n${output}`)), READY_MS)
    child.once('exit', (code) => reject(new Error(`the engine ended with ${code}:\n${output}`)))
    child.stdout?.on('data', (chunk: Buffer) => {
      if (output.length > 65_536) return
      output += chunk
      const port = /127\.0\.0\.1:(\d+)/.exec(output)?.[1]
      if (port === undefined) return
      clearTimeout(late)
      resolve(Number(port))
    })
  })
}
