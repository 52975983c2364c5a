/**
 * The command line. Run by bin/zilla-ts; each command is loaded only when asked for. Prints one clear line for every
 * failure that is not a fault of the program.
 */
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { propertiesHelp } from './properties.ts'

const DEFAULT_FILE = 'zilla.yaml'
const WORKERS_MAX = 256
const FORMATS = ['human', 'json', 'sarif', 'github'] as const
/** Exit code of `validate` when it says nothing about a document. */
const CANNOT_RUN = 2

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const collect = (value: string, values: readonly string[] = []): readonly string[] => [...values, value]

function workerCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count < 1 || count > WORKERS_MAX) throw new InvalidArgumentError(`It must be a number from 1 to ${WORKERS_MAX}.`)
  return count
}

function property(text: string, properties: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [, name, value] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('It must be name=value.')
  return new Map([...properties, [name, value ?? 'true']])
}

interface StartFlags {
  readonly config: string
  readonly verbose?: boolean
  readonly exceptionTraces?: boolean
  readonly workers: number
  readonly property?: ReadonlyMap<string, string>
}

interface ValidateFlags {
  readonly config?: readonly string[]
  readonly format: (typeof FORMATS)[number]
  readonly strict?: boolean
  readonly env?: string
  readonly allowUnsetEnv?: boolean
}

const program = new Command('zilla-ts')
  .description('Serves MQTT clients from Kafka topics, as described by one zilla.yaml.')
  .version(`zilla-ts ${version}`, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .addHelpText(
    'after',
    `
Examples:
  zilla-ts start                          run zilla.yaml of this folder
  zilla-ts start -c my.yaml -w 4          run my.yaml in four processes that share the ports
  zilla-ts validate a.yaml b.yaml         say what is wrong with two documents
  zilla-ts schema > zilla.schema.json     for completion and checks in an editor`,
  )

program
  .command('start')
  .description('validate the document and run it')
  .option('-c, --config <file>', 'the document', DEFAULT_FILE)
  .option('-v, --verbose', 'print the configuration in effect and debug events')
  .option('-e, --exception-traces', 'print a stack trace when the start fails')
  .addOption(new Option('-w, --workers <count>', 'processes that share the ports').argParser(workerCount).default(1))
  .addOption(new Option('-P, --property <name=value>', 'set a property; may be given again').argParser(property))
  .addHelpText(
    'after',
    () =>
      `\nProperties, which stand for defaults of the document:\n${propertiesHelp()}
Examples:
  zilla-ts start -c zilla.yaml
  zilla-ts start -v -P zilla.binding.mqtt.keep.alive.maximum=300`,
  )
  .action(async (flags: StartFlags) => {
    try {
      const { start } = await import('./start.ts')
      await start({
        config: flags.config,
        verbose: flags.verbose === true,
        workers: flags.workers,
        properties: flags.property ?? new Map(),
      })
    } catch (error) {
      fail(error, flags.exceptionTraces === true)
    }
  })

program
  .command('validate')
  .description('say everything that is wrong with documents; nothing is started')
  .argument(
    '[files...]',
    `the documents, or patterns such as "conf/**/*.yaml"; - is the standard input (default: "${DEFAULT_FILE}")`,
  )
  .addOption(new Option('-c, --config <file>', 'the same, for those used to it; may be given again').argParser(collect))
  .addOption(new Option('--format <format>', 'how to print problems').choices(FORMATS).default('human'))
  .option('--strict', 'fail on warnings too')
  .option('--env <file>', 'variables, one NAME=value a line, which stand above those of the environment')
  .option('--allow-unset-env', 'let variables be that are not set: what they would give is not judged')
  .addHelpText(
    'after',
    `
Exit code: 0 nothing is wrong, 1 something is, 2 it could not be checked.

Examples:
  zilla-ts validate
  zilla-ts validate --strict --format github "conf/**/*.yaml"
  zilla-ts validate --env production.env --format json zilla.yaml`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : CANNOT_RUN))
  .action(async (files: readonly string[], flags: ValidateFlags) => {
    try {
      const { validate } = await import('./validate.ts')
      const named = [...(flags.config ?? []), ...files]
      const options = { ...flags, strict: flags.strict === true, allowUnsetEnv: flags.allowUnsetEnv === true, version }
      const { text, code } = validate(named.length === 0 ? [DEFAULT_FILE] : named, options)
      process.stdout.write(text)
      process.exitCode = code
    } catch (error) {
      fail(error, false, CANNOT_RUN)
    }
  })

program
  .command('schema')
  .description('print the JSON Schema of the document')
  .action(async () => {
    const { schemaText } = await import('./schema.ts')
    process.stdout.write(schemaText())
  })

program
  .command('version')
  .description('print the version')
  .action(() => {
    process.stdout.write(`zilla-ts ${version}\n`)
  })

function fail(error: unknown, traces: boolean, code = 1): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  process.stderr.write(`zilla-ts: ${message}\n`)
  if (traces) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) process.stderr.write(`${at.stack}\n`)
  } else if (!(error instanceof Error) || error.name !== 'CommandError') {
    process.stderr.write(`${stack}\n`)
  }
  process.exit(code)
}

// A reader such as `head` may close the pipe early.
process.stdout.on('error', () => process.exit(1))

await program.parseAsync()
