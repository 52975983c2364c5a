/**
 * The command line. Run by bin/zilla-ts; each command is loaded only when asked for. Prints one clear line for every
 * failure that is not a fault of the program.
 */
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { addExplainCommands } from './explain-flags.ts'
import { propertiesHelp } from './properties.ts'

const DEFAULT_FILE = 'zilla.yaml'
const WORKERS_MAX = 256
const DEADLINE_SECONDS_MAX = 3_600
const FORMATS = ['human', 'json', 'sarif', 'github'] as const
/** Exit code of commands that could not do their work. */
const CANNOT_RUN = 2

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const collect = (value: string, values: readonly string[] = []): readonly string[] => [...values, value]

function workerCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count < 1 || count > WORKERS_MAX) throw new InvalidArgumentError(`It must be a number from 1 to ${WORKERS_MAX}.`)
  return count
}

function deadline(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : 0
  if (seconds < 1 || seconds > DEADLINE_SECONDS_MAX) {
    throw new InvalidArgumentError(`It must be a number from 1 to ${DEADLINE_SECONDS_MAX}.`)
  }
  return seconds
}

/** Empty: none. */
const roleList = (text: string): readonly string[] => (text === '' ? [] : text.split(','))

function property(text: string, properties: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [, name, value] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('It must be name=value.')
  return new Map([...properties, [name, value ?? 'true']])
}

const moduleOption = (): Option =>
  new Option('-m, --module <name>', 'a file or package with more bindings, guards, … ; may be given again')
    .argParser(collect)
    .default([], 'none')

interface StartFlags {
  readonly module: readonly string[]
  readonly config: string
  readonly verbose?: boolean
  readonly exceptionTraces?: boolean
  readonly workers: number
  readonly property?: ReadonlyMap<string, string>
}

interface ValidateFlags {
  readonly config?: readonly string[]
  readonly format: (typeof FORMATS)[number]
  readonly module: readonly string[]
  readonly strict?: boolean
  readonly env?: string
  readonly allowUnsetEnv?: boolean
  readonly live?: boolean
  readonly deadline: number
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
  .addOption(moduleOption())
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
        modules: flags.module,
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
  .addOption(new Option('--live', 'ask Kafka too: topics, their settings and permissions').conflicts('allowUnsetEnv'))
  .addOption(
    new Option('--deadline <seconds>', 'that Kafka has to answer, for each document').argParser(deadline).default(30),
  )
  .addOption(moduleOption())
  .addHelpText(
    'after',
    `
Exit code: 0 nothing is wrong, 1 something is, 2 it could not be checked.

Examples:
  zilla-ts validate
  zilla-ts validate --strict --format github "conf/**/*.yaml"
  zilla-ts validate --env production.env --format json zilla.yaml
  zilla-ts validate --live --deadline 10`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : CANNOT_RUN))
  .action(async (files: readonly string[], flags: ValidateFlags) => {
    const { validate } = await import('./validate.ts')
    const named = [...(flags.config ?? []), ...files]
    const { strict = false, allowUnsetEnv = false, module: modules } = flags
    const deadlineMs = flags.live === true ? flags.deadline * 1_000 : null
    await exitWith(async () => {
      const options = { ...flags, strict, allowUnsetEnv, deadlineMs, modules, version }
      const { text, code } = await validate(named.length === 0 ? [DEFAULT_FILE] : named, options)
      process.stdout.write(text)
      return code
    })
  })

program
  .command('password')
  .description('write a user into the file of a password guard')
  .argument('<name>', 'the user name')
  .option('-f, --file <file>', 'the file; it is made when it is not there', 'passwords')
  .addOption(new Option('-r, --roles <roles>', 'separated by commas (default: those the user has)').argParser(roleList))
  .addHelpText(
    'after',
    `
The password is asked for, or read from the standard input, one line.

Examples:
  zilla-ts password alice --roles mqtt:stream
  printf '%s\\n' "$PASSWORD" | zilla-ts password sensor-1 --file passwords`,
  )
  .action(async (name: string, { file, roles }: { file: string; roles?: readonly string[] }) => {
    try {
      const { password } = await import('./password.ts')
      await password({ name, file, roles })
    } catch (error) {
      fail(error, false)
    }
  })

program
  .command('schema')
  .description('print the JSON Schema of the document')
  .addOption(moduleOption())
  .action(async (flags: { readonly module: readonly string[] }) => {
    const { schemaText } = await import('./schema.ts')
    await exitWith(async () => {
      process.stdout.write(await schemaText(flags.module))
      return 0
    })
  })

program
  .command('graph')
  .description('draw a document: bindings, exits, guards, vaults, Kafka topics')
  .argument('[file]', 'the document', DEFAULT_FILE)
  .addOption(new Option('--format <format>', 'what to draw it in').choices(['text', 'mermaid', 'dot']).default('text'))
  .addOption(moduleOption())
  .addHelpText(
    'after',
    `
Exit code: 0 when it is drawn, 2 when the document has errors.

Examples:
  zilla-ts graph
  zilla-ts graph --format dot zilla.yaml | dot -Tsvg > zilla.svg`,
  )
  .action(async (file: string, flags: { readonly format: string; readonly module: readonly string[] }) => {
    const { graph } = await import('./graph.ts')
    await exitWith(() => graph(file, { format: flags.format, modules: flags.module }))
  })

program
  .command('diff')
  .description('say which entries of two documents differ, and which others that concerns')
  .argument('<old>', 'a document')
  .argument('<new>', 'the document in its place')
  .addOption(new Option('--format <format>', 'how to print it').choices(['text', 'json']).default('text'))
  .addOption(moduleOption())
  .addHelpText(
    'after',
    `
Exit code: 0 the same, 1 different, 2 when they cannot be compared.

Examples:
  zilla-ts diff zilla.yaml zilla.new.yaml
  git show HEAD:zilla.yaml > old.yaml && zilla-ts diff --format json old.yaml zilla.yaml`,
  )
  .action(
    async (before: string, after: string, flags: { readonly format: string; readonly module: readonly string[] }) => {
      const { diff } = await import('./diff.ts')
      await exitWith(() => diff([before, after], { format: flags.format, modules: flags.module }))
    },
  )

const explain = program
  .command('explain')
  .description('explain a document: what clients may do, and what properties are')

addExplainCommands(explain, DEFAULT_FILE, moduleOption, async (action, file, flags) => {
  await exitWith(async () => {
    const { explainClient } = await import('./explain-client.ts')
    const { text, code } = await explainClient(action, file, flags)
    process.stdout.write(text)
    return code
  })
})

explain
  .command('option')
  .description('say what the schema says of a property')
  .argument('<name>', 'such as mqtt.options.versions')
  .addOption(moduleOption())
  .addHelpText(
    'after',
    `
A name begins with the type of an entry. Its section, its kind and \`options\` may be there or not.

Examples:
  zilla-ts explain option mqtt
  zilla-ts explain option mqtt.server.options.limits.packetBytes
  zilla-ts explain option catalogs.inline.subjects`,
  )
  .action(async (name: string, flags: { readonly module: readonly string[] }) => {
    await exitWith(async () => {
      const { explainOption } = await import('./explain-option.ts')
      const { loadRegistry } = await import('./modules.ts')
      process.stdout.write(explainOption(name, await loadRegistry(flags.module)))
      return 0
    })
  })

program
  .command('version')
  .description('print the version')
  .action(() => {
    process.stdout.write(`zilla-ts ${version}\n`)
  })

/** The command's own exit code, or another when it could not do its work. */
async function exitWith(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command()
  } catch (error) {
    fail(error, false, CANNOT_RUN)
  }
}

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
