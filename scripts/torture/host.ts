/**
 * One engine of the run: a process that is killed, paused, stopped and started again, and when it was not itself, since
 * clients may then be hurt. It must never end by itself.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EngineProcess } from '@zilla-ts/testing'
import type { Findings } from './findings.ts'

const CLOCK = new URL('clock.mjs', import.meta.url).href
const CLOCK_FILE = 'clock-ahead-ms'

const ATTEMPTS_MAX = 3

/** Intervals of time in which something was not to be relied on; ms of `performance.now()`. */
export class Disturbances {
  readonly #intervals: { from: number; to: number }[] = []
  readonly #slackMs: number

  /** @param slackMs how long after each its effects may be felt */
  constructor(slackMs: number) {
    this.#slackMs = slackMs
  }

  begin(): void {
    this.#intervals.push({ from: performance.now(), to: Number.POSITIVE_INFINITY })
  }

  end(): void {
    for (const interval of this.#intervals) {
      if (interval.to === Number.POSITIVE_INFINITY) interval.to = performance.now()
    }
  }

  /** Whether any, or what may be felt of it later, has touched the time from `from` until now. */
  since(from: number): boolean {
    return this.#intervals.some((interval) => interval.to + this.#slackMs >= from)
  }

  /** Whether any itself has touched that time. */
  struckSince(from: number): boolean {
    return this.#intervals.some((interval) => interval.to >= from)
  }
}

export class Host {
  readonly index: number
  readonly disturbances: Disturbances
  /** how often it was started */
  starts = 0
  readonly directory: string
  readonly #document: string
  readonly #findings: Findings
  #process: EngineProcess | null = null
  #port = 0
  #stopped = false

  /** @param parent where its folder is made */
  constructor(index: number, document: string, parent: string, slackMs: number, findings: Findings) {
    this.index = index
    this.#document = document
    this.#findings = findings
    this.disturbances = new Disturbances(slackMs)
    this.directory = mkdtempSync(join(parent, 'zilla-torture-'))
    process.once('exit', () => this.#abandon())
  }

  /** of its listener; that of the last start while it is down */
  get port(): number {
    return this.#port
  }

  get running(): boolean {
    return this.#process !== null
  }

  async start(): Promise<void> {
    const begin = performance.now()
    const engine = await this.#launch()
    this.#findings.sample('start to listening, s', (performance.now() - begin) / 1_000)
    this.starts++
    this.#process = engine
    this.#port = engine.port
    void engine.exited().then((code) => this.#onExit(engine, code))
    this.disturbances.end()
  }

  /** Ends it as a crash would, now: the signal is sent before this returns. */
  kill(): Promise<void> {
    return this.#end(async (engine) => {
      await engine.kill()
    })
  }

  /** Ends it as an operator would. */
  stop(): Promise<void> {
    return this.#end(async (engine) => {
      const code = await engine.stop()
      if (code !== 0) this.#findings.violate('P8', `SIGTERM of engine ${this.index} ended with ${code}`)
    })
  }

  /** Nothing of it runs for a while; its sockets stay. */
  async pause(ms: number): Promise<void> {
    const engine = this.#process
    if (engine === null) return
    this.disturbances.begin()
    engine.signal('SIGSTOP')
    await delay(ms)
    engine.signal('SIGCONT')
    this.disturbances.end()
  }

  /** Its clock of the day is ahead, or behind, for a while. */
  async stepClock(aheadMs: number, ms: number): Promise<void> {
    const file = join(this.directory, CLOCK_FILE)
    writeFileSync(file, String(aheadMs))
    await delay(ms)
    rmSync(file)
  }

  /** The end of the run. */
  async remove(): Promise<void> {
    this.#stopped = true
    await this.kill()
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** A machine that is busy with other things may need more than one attempt. */
  async #launch(): Promise<EngineProcess> {
    const options = {
      document: this.#document,
      directory: this.directory,
      nodeArgs: ['--import', CLOCK],
      env: { ZILLA_TORTURE_CLOCK: join(this.directory, CLOCK_FILE) },
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await EngineProcess.start(options)
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error
        this.#findings.count('starts that took more than a minute or failed')
      }
    }
  }

  /** This process ends, for whatever reason: nothing of the run stays. */
  #abandon(): void {
    this.#process?.signal('SIGCONT')
    this.#process?.signal('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Resident memory without mapped files, such as the pages of the embedded log; MiB, 0 while it is down. */
  anonymousMib(): number {
    try {
      const status = readFileSync(`/proc/${this.#process?.pid}/status`, 'utf8')
      return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
    } catch {
      return 0
    }
  }

  async #end(how: (engine: EngineProcess) => Promise<void>): Promise<void> {
    const engine = this.#process
    if (engine === null) return
    this.#process = null
    this.disturbances.begin()
    await how(engine)
    this.#inspect(engine)
  }

  #onExit(engine: EngineProcess, code: number): void {
    if (this.#process !== engine || this.#stopped) return
    this.#process = null
    this.disturbances.begin()
    const tail = engine.output.slice(-2_000)
    this.#findings.violate('P8', `engine ${this.index} ended by itself with ${engine.deathSignal ?? code}: ${tail}`)
    this.start().catch((error: Error) => this.#findings.violate('P8', error.message))
  }

  #inspect({ output }: EngineProcess): void {
    const fault = output.split('\n').find((line) => line.includes('ENGINE_FAULT'))
    if (fault !== undefined) this.#findings.violate('P8', fault.slice(0, 2_000))
  }
}
