/**
 * The engine as users run it: a process of its own, started by its command line on ports of the system's choice. For
 * tests of the whole product and for the bench.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../cli/bin/zilla-ts', import.meta.url))
const READY_MS = 60_000
const STOP_MS = 30_000
const OUTPUT_MAX = 1_000_000
/** of /proc/<pid>/stat; the same on every Linux that Node supports */
const TICKS_PER_SECOND = 100

export interface EngineProcessOptions {
  /** text of the zilla.yaml; listeners should ask for port 0 */
  readonly document: string
  /** where it runs; absent: a new folder that `remove` deletes */
  readonly directory?: string
  /** further arguments of `start` */
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export class EngineProcess {
  readonly directory: string
  readonly #child: ChildProcess
  #output = ''
  #port = 0

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child
    this.directory = directory
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk).slice(-OUTPUT_MAX)
      })
    }
  }

  /** Resolves when the engine has said that it runs; rejects with its output when it ends instead. */
  static async start(options: EngineProcessOptions): Promise<EngineProcess> {
    const engine = EngineProcess.spawn(options)
    await engine.#ready()
    return engine
  }

  /** Runs `start` without waiting for anything: for documents that must fail. */
  static spawn({ document, directory, args = [], nodeArgs = [], env = {} }: EngineProcessOptions): EngineProcess {
    const cwd = directory ?? mkdtempSync(join(tmpdir(), 'zilla-engine-'))
    writeFileSync(join(cwd, 'zilla.yaml'), document)
    const child = spawn(process.execPath, [...nodeArgs, BIN, 'start', ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new EngineProcess(child, cwd)
  }

  /** port of the first listener */
  get port(): number {
    return this.#port
  }

  /** both outputs so far, the last megabyte of them */
  get output(): string {
    return this.#output
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Resolves with the exit code, or −1 for death by a signal. */
  async exited(): Promise<number> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
    return this.#child.exitCode ?? -1
  }

  /** What it died by; null: it runs, or has ended by itself. */
  get deathSignal(): NodeJS.Signals | null {
    return this.#child.signalCode
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** SIGTERM, as an operator would; SIGKILL when it does not stop. The exit code. */
  async stop(): Promise<number> {
    this.signal('SIGTERM')
    const late = setTimeout(() => this.signal('SIGKILL'), STOP_MS)
    const code = await this.exited()
    clearTimeout(late)
    return code
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited()
  }

  /** Deletes its folder. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** CPU seconds used so far, user and system. Linux only. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  /** resident memory, bytes. Linux only. */
  rssBytes(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]) * 1024
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(late)
        this.#child.stdout?.off('data', look)
        reject(new Error(`the engine ${why}:\n${this.#output}`))
      }
      const late = setTimeout(() => {
        this.signal('SIGKILL')
        fail('was not ready in time')
      }, READY_MS)
      const look = () => {
        const port = /"event":"LISTENING".*?"port":(\d+)/.exec(this.#output)?.[1]
        if (port === undefined) return
        this.#port = Number(port)
        clearTimeout(late)
        this.#child.off('exit', onExit)
        this.#child.stdout?.off('data', look)
        resolve()
      }
      const onExit = (code: number | null) => fail(`ended with ${code}`)
      this.#child.stdout?.on('data', look)
      this.#child.once('exit', onExit)
    })
  }
}
