import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { KafkaBench } from '@zilla-ts/testing/kafka-conformance'
import { afterEach, describe, expect, it } from 'vitest'
import { Embedded } from './embedded.ts'

const SCRIPT = fileURLToPath(new URL('writing-process.ts', import.meta.url))
const PARTITIONS = 2

let embedded: Embedded | null = null
let writing: Writing | null = null

afterEach(async () => {
  await writing?.kill()
  writing = null
  await embedded?.close()
  embedded = null
})

/** The process of `writing-process.ts`, and what it said. */
class Writing {
  acked = 0
  readonly said: string[] = []
  readonly #process: ChildProcess
  readonly #exit: Promise<void>
  #wake: () => void = () => {}
  #exited = false

  constructor(directory: string, sync: string, fileBytesMax?: number) {
    const node = [process.execPath, '--import', 'tsx', '--conditions=source', SCRIPT, directory, sync]
    const limit = `ulimit -f ${(fileBytesMax ?? 0) / 1024}; exec "$0" "$@"`
    const [command = '', ...args] = fileBytesMax === undefined ? node : ['bash', '-c', limit, ...node]
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    })
    this.#exit = new Promise((resolve) => {
      this.#process.once('exit', () => {
        this.#exited = true
        this.#wake()
        resolve()
      })
    })
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      const [word, number] = line.split(' ')
      if (word === 'acked') this.acked = Number(number)
      else this.said.push(line)
      this.#wake()
    })
  }

  async until(wanted: () => boolean): Promise<void> {
    while (!wanted()) {
      if (this.#exited) throw new Error(`the process ended, having said ${this.said.join(', ')}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exit
  }
}

/** Everything that was acknowledged is there, in order; behind it may be more, as whole and in order. */
async function checkRecords(log: Embedded, acked: number): Promise<void> {
  const reader = await new KafkaBench(log).readAll('t')
  let total = 0
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const records = reader.of(partition)
    const wrong = records.findIndex(({ offset, value }, at) => {
      const n = at * PARTITIONS + partition
      return offset !== at || value!.toString() !== `${n}:${'x'.repeat(n % 500)}`
    })
    expect(wrong).toBe(-1)
    expect(records.length).toBeGreaterThanOrEqual(Math.ceil((acked - partition) / PARTITIONS))
    total += records.length
  }
  expect(total).toBeGreaterThanOrEqual(acked)
}

describe('a killed process', () => {
  it.each(['flush', 'os'] as const)('leaves all that it acknowledged, and nothing torn, with sync %s', async (sync) => {
    embedded = new Embedded({ sync })
    let acked = 0
    for (const more of [500, 3_000, 10_000]) {
      rmSync(join(embedded.directory, 'log'), { recursive: true, force: true })
      writing = new Writing(embedded.directory, sync)
      const { said } = writing
      await writing.until(() => writing!.acked >= more)
      await writing.kill()
      acked = writing.acked
      expect(said).toEqual(['open'])
      await embedded.harness.binding.start?.()
      await checkRecords(embedded, acked)
      await embedded.harness.binding.stop?.()
    }
    expect(acked).toBeGreaterThanOrEqual(10_000)
    expect(readdirSync(join(embedded.directory, 'log')).filter((name) => name.startsWith('lock-'))).toEqual([])
  })

  it('holds the directory as long as it lives, and no longer', async () => {
    embedded = new Embedded()
    const directory = join(embedded.directory, 'log')
    writing = new Writing(embedded.directory, 'flush')
    await writing.until(() => writing!.said.includes('open'))
    await expect(embedded.restart()).rejects.toThrow(`directory ${directory} is in use by another engine or binding`)
    const before = writing.acked
    await writing.until(() => writing!.acked > before)
    await writing.kill()
    await embedded.restart()
    await checkRecords(embedded, writing.acked)
  })
})

describe('a disk without room', () => {
  // A limit on file sizes fails writes as a full disk does; Windows has none.
  it.skipIf(process.platform === 'win32')('ends writers, not the process, and loses nothing acknowledged', async () => {
    embedded = new Embedded()
    writing = new Writing(embedded.directory, 'flush', 2_048 * 1024)
    await writing.until(() => writing!.said.includes('closed'))
    expect(writing.said).toEqual(['open', 'refused', 'closed'])
    expect(writing.acked).toBeGreaterThan(0)
    expect(existsSync(join(embedded.directory, 'log', 'log.mdb'))).toBe(true)
    await embedded.harness.binding.start?.()
    await checkRecords(embedded, writing.acked)
    await new KafkaBench(embedded).write('t', [{ value: 'room again' }])
  })
})
