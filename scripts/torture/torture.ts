/**
 * `npm run torture`: engines and storage under load and faults, and whether what the README promises held. Exit code 0:
 * it did.
 */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { markdown, writeReports } from './report.ts'
import { run } from './run.ts'
import { embeddedStorage, kafkaStorage } from './storage.ts'

const HELP = `npm run torture -- [options]
  --on embedded|kafka|both   what the engines store on (both)
  --minutes N                time under load and faults, on each (5)
  --seed N                   repeats the decisions of a run; printed at the start (any)
  --rate N                   messages a second that publishers try to send (1000)
  --engines N                engines on one Kafka (2); on the embedded log it is always one
  --clients N                well-behaved clients that nobody may hurt (200)
  --only TEXT                faults whose name contains TEXT; 'none': no faults
  --memory N                 MiB of anonymous memory that an engine may take (512)
  --dir DIR                  where engines and the embedded log have their folders (the system's); a file system of
                             less than 1 GiB is filled now and then
  --report DIR               write DIR/<storage>.md and .json
  --help

Exit code: 0 when every promise held, 1 when one was broken or the run failed.`

const { values: options } = parseArgs({
  options: {
    on: { type: 'string', default: 'both' },
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    engines: { type: 'string', default: '2' },
    clients: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
    memory: { type: 'string', default: '512' },
    dir: { type: 'string', default: tmpdir() },
    report: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  if (options.help) {
    console.log(HELP)
    return
  }
  if (process.platform !== 'linux') throw new Error('the kit reads /proc and runs on Linux only')
  if (!['embedded', 'kafka', 'both'].includes(options.on)) throw new Error(`--on ${options.on}?\n${HELP}`)
  const seed = number('seed', options.seed ?? String(Math.floor(Math.random() * 1e9)))
  for (const name of options.on === 'both' ? (['embedded', 'kafka'] as const) : [options.on]) {
    const begin = performance.now()
    const log = (line: string) => console.log(`${name}: ${line}`)
    log(`seed ${seed}, ${options.minutes} min`)
    const storage = name === 'kafka' ? await kafkaStorage() : embeddedStorage()
    const result = await run(storage, {
      seed,
      seconds: number('minutes', options.minutes) * 60,
      rate: number('rate', options.rate),
      engines: name === 'kafka' ? number('engines', options.engines) : 1,
      clients: number('clients', options.clients),
      directory: options.dir,
      only: options.only,
      memoryMib: number('memory', options.memory),
      log,
    })
    console.log(markdown(result))
    if (options.report !== undefined) writeReports(options.report, result)
    if (result.findings.broken > 0) process.exitCode = 1
    log(`done after ${((performance.now() - begin) / 60_000).toFixed(1)} min`)
  }
}

function number(name: string, text: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new Error(`--${name} ${text} is not a number`)
  return value
}

// Engines and folders go with us; a broker's watchdog sees to it itself.
process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
main().catch((error: Error) => {
  console.error(`torture: ${error.message}`)
  // Clients of the run may go on for ever.
  process.exit(1)
})
