/**
 * `npm run bench -- --soak`: clients come, go, get lost and publish for a while. Memory of the engine is sampled; at the end
 * every session that stays must have got every message of QoS 1 and 2, that of QoS 2 once. Never part of the tests.
 */
import { readFileSync } from 'node:fs'
import type { EngineProcess } from '@zilla-ts/testing'
import { elapse, type Qos, reached } from './load.ts'
import { SoakGroup, SoakSession } from './soak-session.ts'

const SESSIONS = 2_000
const GROUPS = 100
/** actions that are under way at the same time, and the pause after each */
const WORKERS = 20
const PAUSE_SECONDS = 0.05
const SAMPLE_SECONDS = 1
/** of the whole; figures of this time do not count */
const WARM_UP = 1 / 3
/** for what must not come any more */
const QUIET_SECONDS = 2

interface Sample {
  readonly minutes: number
  readonly totalKib: number
  readonly anonymousKib: number
}

export async function soak(engine: EngineProcess, minutes: number): Promise<void> {
  const groups = Array.from({ length: GROUPS }, (_, at) => new SoakGroup(`soak/${at}`))
  const sessions = Array.from(
    { length: SESSIONS },
    (_, at) => new SoakSession(`soak-${process.pid}-${at}`, groups[at % GROUPS]!, at < SESSIONS / 2),
  )
  // Everybody has subscribed before the first message, so that it is known who must get what.
  await inParallel(sessions, (session) => session.connect(engine.port))
  const until = performance.now() + minutes * 60_000
  const samples: Sample[] = []
  const workers = Array.from({ length: WORKERS }, () => churn(engine.port, sessions, until))
  await Promise.all([...workers, watch(engine, sessions, groups, samples, until)])
  await verify(engine, sessions, groups)
  report(sessions, groups, samples, minutes)
}

async function churn(port: number, sessions: readonly SoakSession[], until: number): Promise<void> {
  while (performance.now() < until) {
    const session = sessions[Math.floor(Math.random() * sessions.length)]!
    if (session.fault !== null) throw session.fault
    if (!session.busy) {
      session.busy = true
      await act(port, session)
      session.busy = false
    }
    await elapse(PAUSE_SECONDS)
  }
}

async function act(port: number, session: SoakSession): Promise<void> {
  const choice = Math.random()
  const qos = Math.floor(Math.random() * 3) as Qos
  if (!session.online) await session.connect(port)
  else if (choice < 0.6) await session.publish(qos, true)
  else if (choice < 0.7) await session.subscribe()
  else if (choice < 0.8) session.leave('disconnect')
  else {
    // In the middle of an exchange; a session that does not stay could not finish it.
    if (session.durable && choice < 0.9) await session.publish(qos, false)
    session.leave('drop')
  }
}

async function watch(
  engine: EngineProcess,
  sessions: readonly SoakSession[],
  groups: readonly SoakGroup[],
  samples: Sample[],
  until: number,
): Promise<void> {
  const begin = performance.now()
  for (let nextLine = begin + 60_000; performance.now() < until; ) {
    await elapse(SAMPLE_SECONDS)
    samples.push({ minutes: (performance.now() - begin) / 60_000, ...memoryOf(engine) })
    if (performance.now() < nextLine) continue
    nextLine += 60_000
    const { minutes, totalKib, anonymousKib } = samples.at(-1)!
    const online = sessions.filter((session) => session.online).length
    const memory = `${mib(totalKib)} MiB resident, ${mib(anonymousKib)} of it anonymous`
    console.log(`${minutes.toFixed(0)} min: ${online} online, ${sentOf(groups)} messages sent, ${memory}`)
  }
}

/** The embedded log is a mapped file: its pages are resident, but not anonymous. */
function memoryOf(engine: EngineProcess): { totalKib: number; anonymousKib: number } {
  const status = readFileSync(`/proc/${engine.pid}/status`, 'utf8')
  const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1])
  return { totalKib: kib('VmRSS'), anonymousKib: kib('RssAnon') }
}

async function verify(
  engine: EngineProcess,
  sessions: readonly SoakSession[],
  groups: readonly SoakGroup[],
): Promise<void> {
  const durable = sessions.filter((session) => session.durable)
  const offline = durable.filter((session) => !session.online)
  await inParallel(offline, (session) => session.connect(engine.port))
  await reached(() => durable.every((session) => session.complete), 'every message of QoS 1 and 2')
  await elapse(QUIET_SECONDS)
  const twice = durable.reduce((sum, session) => sum + session.repeated(2), 0)
  if (twice > 0) throw new Error(`${twice} messages of QoS 2 arrived more than once`)
  const fault = sessions.find((session) => session.fault !== null)?.fault
  if (fault !== undefined) throw fault
  console.log(
    `${durable.length} durable sessions have all of ${sentOf(groups, 1)} + ${sentOf(groups, 2)} of QoS 1 and 2`,
  )
  for (const session of sessions) if (session.online) session.leave('disconnect')
}

function report(
  sessions: readonly SoakSession[],
  groups: readonly SoakGroup[],
  samples: readonly Sample[],
  minutes: number,
): void {
  const repeated = sessions.reduce((sum, session) => sum + session.repeated(1), 0)
  const counted = sessions.reduce(
    (sum, { arrived, group }) => sum + arrived.filter((_, at) => group.sent[at] === 0).length,
    0,
  )
  console.log(`QoS 0: ${sentOf(groups, 0)} sent, ${counted} copies arrived; QoS 1: ${repeated} copies came again`)
  const warm = samples.filter((sample) => sample.minutes >= minutes * WARM_UP)
  const total = slope(warm, ({ totalKib }) => totalKib)
  const anonymous = slope(warm, ({ anonymousKib }) => anonymousKib)
  console.log(`memory: ${total.toFixed(0)} KiB a minute after warm-up, ${anonymous.toFixed(0)} of it anonymous`)
}

/** Least squares, a minute. */
function slope(samples: readonly Sample[], kibOf: (sample: Sample) => number): number {
  const meanX = samples.reduce((sum, { minutes }) => sum + minutes, 0) / samples.length
  const meanY = samples.reduce((sum, sample) => sum + kibOf(sample), 0) / samples.length
  let above = 0
  let below = 0
  for (const sample of samples) {
    above += (sample.minutes - meanX) * (kibOf(sample) - meanY)
    below += (sample.minutes - meanX) ** 2
  }
  return above / below
}

function sentOf(groups: readonly SoakGroup[], qos?: Qos): number {
  return groups.reduce(
    (sum, { sent }) => sum + (qos === undefined ? sent.length : sent.filter((q) => q === qos).length),
    0,
  )
}

function mib(kib: number): string {
  return (kib / 1024).toFixed(0)
}

async function inParallel(
  sessions: readonly SoakSession[],
  work: (session: SoakSession) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < sessions.length; at += 50) await Promise.all(sessions.slice(at, at + 50).map(work))
}
