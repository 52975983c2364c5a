/**
 * What is done to engines and storage, one at a time. A fault ends with everything running again; whether everybody is
 * served again is looked at by whoever asked for it.
 */
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { PacketCmd } from 'mqtt-packet'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import type { Stage, Step } from './stage.ts'

export interface Fault {
  readonly name: string
  readonly weight: number
  /** whether this stage has what it hurts */
  readonly fits?: (stage: Stage) => boolean
  run(stage: Stage, random: Random): Promise<void>
}

/** How long a fault waits for the step of the protocol at which it strikes. */
const STEP_MS = 5_000
/** Kafka refuses records that are more than an hour ahead. */
const CLOCK_STEP_MS = 50 * 60_000
/** file systems below may be filled */
const SMALL_BYTES = 1024 ** 3

const step = (direction: Step['direction'], ...cmds: PacketCmd[]) => cmds.map((cmd): Step => ({ direction, cmd }))

/** Of publishers and subscribers, QoS 1 and 2, and of sessions that go on. */
const STEPS = [
  ...step('sent', 'connect', 'publish', 'pubrel', 'puback', 'pubrec', 'pubcomp', 'disconnect'),
  ...step('got', 'connack', 'puback', 'pubrec', 'pubcomp', 'publish', 'pubrel'),
]

export const FAULTS: readonly Fault[] = [
  { name: 'SIGKILL of an engine', weight: 4, run: (stage, random) => killed(random.pick(stage.hosts)) },
  ...STEPS.map(({ direction, cmd }) => ({
    name: `SIGKILL when ${cmd.toUpperCase()} was ${direction}`,
    weight: 0.6,
    run: async (stage: Stage) => killed(await atStep(stage, { direction, cmd })),
  })),
  {
    name: 'SIGTERM of an engine',
    weight: 1,
    run: async (stage, random) => {
      const host = random.pick(stage.hosts)
      await host.stop()
      await host.start()
    },
  },
  {
    name: 'SIGSTOP of an engine, up to 5 s',
    weight: 1.5,
    run: (stage, random) => random.pick(stage.hosts).pause(random.int(200, 5_000)),
  },
  {
    // Longer than the group waits for a member.
    name: 'SIGSTOP of an engine, 14 s',
    weight: 0.3,
    fits: ({ storage }) => storage.name === 'kafka',
    run: (stage, random) => random.pick(stage.hosts).pause(14_000),
  },
  {
    name: 'SIGTERM of Kafka',
    weight: 1.5,
    fits: ({ storage }) => storage.broker !== null,
    run: (stage) => withoutStorage(stage, () => stage.storage.broker!.restart()),
  },
  {
    name: 'SIGKILL of Kafka',
    weight: 1.5,
    fits: ({ storage }) => storage.broker !== null,
    run: (stage) =>
      withoutStorage(stage, async () => {
        await stage.storage.broker!.kill()
        await stage.storage.broker!.restart()
      }),
  },
  {
    name: 'SIGSTOP of Kafka, up to 15 s',
    weight: 1.5,
    fits: ({ storage }) => storage.broker !== null,
    run: (stage, random) =>
      withoutStorage(stage, async () => {
        const { pid } = stage.storage.broker!
        process.kill(pid!, 'SIGSTOP')
        await delay(random.int(500, 15_000))
        process.kill(pid!, 'SIGCONT')
      }),
  },
  {
    name: 'clock of an engine steps by up to 50 min, and back',
    weight: 1,
    run: (stage, random) => stepped(stage, random),
  },
  {
    name: 'full disk, up to 8 s',
    weight: 2,
    fits: ({ storage, directory }) => storage.name === 'embedded' && sizeOf(directory) < SMALL_BYTES,
    run: (stage, random) => withoutStorage(stage, () => filled(stage.directory, random.int(500, 8_000))),
  },
]

async function stepped({ hosts, clockDisturbances }: Stage, random: Random): Promise<void> {
  clockDisturbances.begin()
  await random.pick(hosts).stepClock(random.int(-CLOCK_STEP_MS, CLOCK_STEP_MS), random.int(1_000, 6_000))
  clockDisturbances.end()
}

function sizeOf(directory: string): number {
  const { blocks, bsize } = statfsSync(directory)
  return blocks * bsize
}

/** Not a byte is free for so long. */
async function filled(directory: string, ms: number): Promise<void> {
  const path = join(directory, 'zilla-torture-filler')
  const file = openSync(path, 'w')
  try {
    for (const bytes of [Buffer.alloc(1024 * 1024), Buffer.alloc(4096), Buffer.alloc(1)]) {
      while (wrote(file, bytes)) {}
    }
    await delay(ms)
  } finally {
    closeSync(file)
    rmSync(path)
  }
}

function wrote(file: number, bytes: Buffer): boolean {
  try {
    return writeSync(file, bytes) === bytes.length
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}

async function killed(host: Host): Promise<void> {
  await host.kill()
  await host.start()
}

async function withoutStorage({ storageDisturbances }: Stage, work: () => Promise<void>): Promise<void> {
  storageDisturbances.begin()
  await work()
  storageDisturbances.end()
}

/** Kills the engine right when a client is at that step, and says which it was. */
function atStep(stage: Stage, wanted: Step): Promise<Host> {
  return new Promise((resolve) => {
    const strike = (host: Host) => {
      clearTimeout(late)
      stage.onStep = null
      void host.kill()
      resolve(host)
    }
    const late = setTimeout(() => {
      stage.findings.count('steps that did not come')
      strike(stage.hosts[0]!)
    }, STEP_MS)
    stage.onStep = (host, { direction, cmd }) => {
      if (direction === wanted.direction && cmd === wanted.cmd && host.running) strike(host)
    }
  })
}
