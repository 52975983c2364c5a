/**
 * `npm run bench`: measures the engine process under load, embedded and on a real Apache Kafka, and prints messages a
 * second and CPU a message beside the budget. Counts are verified on the wire and in the log. Never part of the tests.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { EngineProcess } from '@zilla-ts/testing'
import { embedded, kafka, logEnd } from './backends.ts'
import { type Backend, startEngine } from './engine.ts'
import { OPEN } from './fronts.ts'
import { type Measure, type Scenario, scenarios, sent } from './scenarios.ts'
import { soak } from './soak.ts'

const HELP = `npm run bench -- [options]
  --on embedded|kafka|both   what the engine stores on (both)
  --only TEXT                scenarios whose name contains TEXT: publish, fan-out, pairs, resume, connect (without a
                             guard, RS256 and ES256 tokens and passwords, new and known), TLS storm, idle, latency
  --seconds N                measured time of each, after a warm-up (5)
  --json FILE                write the figures
  --compare FILE             print each figure's ratio to those of an earlier --json
  --soak                     2,000 sessions come and go instead; memory is watched and counts are verified
  --minutes N                how long (10)
  --help`

interface Row {
  readonly backend: string
  readonly name: string
  readonly unit: string
  readonly value: number
  readonly perSecond: number | null
  readonly budget: number
}

const { values: options } = parseArgs({
  options: {
    on: { type: 'string', default: 'both' },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'string' },
    compare: { type: 'string' },
    soak: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
    help: { type: 'boolean', default: false },
  },
})

async function runOn(backend: Backend, wanted: readonly Scenario[], seconds: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const [at, scenario] of wanted.entries()) {
    // A fresh engine and fresh topics for each: no scenario pays for the one before.
    const suffix = `${process.pid}-${at}`
    const topics = { sessions: `s-${suffix}`, messages: `m-${suffix}`, retained: `r-${suffix}` }
    const front = (await scenario.front?.()) ?? OPEN
    const engine = await startEngine(backend, topics, front)
    try {
      const result = await scenario.run(engine, seconds, front)
      const expected = sent.get(engine)
      if (expected !== undefined) await verify(backend, engine, topics.messages, expected)
      rows.push(row(backend, scenario, result))
      print(rows.at(-1)!)
    } finally {
      await engine.stop()
      engine.remove()
    }
  }
  return rows
}

/** Every message that was answered for must be in the log, once. */
async function verify(backend: Backend, engine: EngineProcess, topic: string, expected: number): Promise<void> {
  await engine.stop()
  const stored = await logEnd(backend, engine.directory, topic)
  if (stored !== expected) throw new Error(`${expected} messages were sent and ${stored} are in the log`)
}

function row(backend: Backend, scenario: Scenario, result: number | Measure): Row {
  const { name, unit, budget } = scenario
  if (typeof result === 'number') return { backend: backend.name, name, unit, value: result, perSecond: null, budget }
  const value = (result.cpuSeconds * 1e6) / result.messages
  return { backend: backend.name, name, unit, value, perSecond: result.messages / result.seconds, budget }
}

function print({ backend, name, unit, value, perSecond, budget }: Row): void {
  const rate = perSecond === null ? '' : Math.round(perSecond).toLocaleString('en')
  const ratio = `${(value / budget).toFixed(2)} × budget ${budget}`
  const cells = [backend.padEnd(9), name.padEnd(22), rate.padStart(10), `${value.toFixed(2)} ${unit}`.padStart(12)]
  console.log([...cells, ratio + earlier(backend, name, value)].join('  '))
}

function earlier(backend: string, name: string, value: number): string {
  if (options.compare === undefined) return ''
  const rows = JSON.parse(readFileSync(options.compare, 'utf8')).rows as Row[]
  const other = rows.find((row) => row.backend === backend && row.name === name)
  return other === undefined ? '' : `  ${(value / other.value).toFixed(2)} × before`
}

async function runSoak(backend: Backend): Promise<void> {
  const suffix = `${process.pid}-soak`
  const topics = { sessions: `s-${suffix}`, messages: `m-${suffix}`, retained: `r-${suffix}` }
  const engine = await startEngine(backend, topics)
  try {
    console.log(`soak on ${backend.name}, ${options.minutes} min`)
    await soak(engine, Number(options.minutes))
  } finally {
    await engine.stop()
    engine.remove()
  }
}

async function onEach(work: (backend: Backend) => Promise<void>): Promise<void> {
  if (options.on !== 'kafka') await work(embedded())
  if (options.on === 'embedded') return
  const { backend, stop } = await kafka()
  try {
    await work(backend)
  } finally {
    await stop()
  }
}

async function main(): Promise<void> {
  if (options.help) {
    console.log(HELP)
    return
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and runs on Linux only')
  if (options.soak) {
    await onEach(runSoak)
    return
  }
  const wanted = scenarios.filter(({ name }) => name.includes(options.only))
  const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`
  console.log(`${machine}; CPU of the engine process a message, 100-byte payloads, 12 partitions`)
  console.log(`${'stored on'.padEnd(9)}  ${'path'.padEnd(22)}  ${'messages/s'.padStart(10)}  ${'CPU'.padStart(12)}`)
  const rows: Row[] = []
  await onEach(async (backend) => {
    rows.push(...(await runOn(backend, wanted, Number(options.seconds))))
  })
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`)
}

main().catch((error: Error) => {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
})
