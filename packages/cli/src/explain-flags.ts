/** The flags of `zilla-ts explain connect | publish | subscribe`. Loaded with every command, so it imports nothing heavy. */
import { type Command, InvalidArgumentError, Option } from 'commander'

export interface ExplainFlags {
  readonly client: string
  readonly username?: string
  readonly passwordStdin?: boolean
  readonly token?: string
  readonly claims?: Readonly<Record<string, unknown>>
  readonly certificate?: string
  readonly port?: number
  readonly host?: string
  readonly from?: { readonly host: string; readonly port: number }
  readonly sni?: string
  readonly alpn: readonly string[]
  readonly path?: string
  readonly header: Readonly<Record<string, string>>
  readonly mqtt: '3.1.1' | '5'
  readonly format: 'text' | 'json'
  readonly env?: string
  readonly allowUnsetEnv?: boolean
  readonly module: readonly string[]
  readonly qos: 0 | 1 | 2
  readonly topic?: string
  readonly retain?: boolean
  readonly payload?: string
  readonly expiry?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly userProperty: readonly (readonly [string, string])[]
  readonly partitions?: number
  readonly filter: readonly string[]
}

const PORT_MAX = 65_535
const EXPIRY_MAX = 0xffff_ffff
/** that one topic of Kafka may have, as in the schema of mqtt-kafka */
const PARTITIONS_MAX = 100_000

const NOTHING = { alpn: [], header: {}, userProperty: [], filter: [], qos: 0 } as const

const numberIn =
  (from: number, to: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : -1
    if (value < from || value > to) throw new InvalidArgumentError(`It must be a number from ${from} to ${to}.`)
    return value
  }

function jsonObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`It is no JSON: ${(error as Error).message}.`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new InvalidArgumentError('It must be a JSON object, such as {"sub":"c1"}.')
  }
  return value as Record<string, unknown>
}

function address(text: string): ExplainFlags['from'] {
  const [, literal, host = literal, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  if (host === undefined) throw new InvalidArgumentError('It must be an address, such as 10.0.0.7 or [::1]:5000.')
  return { host, port: Number(port ?? 0) }
}

/** `:path: /x` has a colon of its own. */
function header(text: string, before: ExplainFlags['header'] = {}): ExplainFlags['header'] {
  const [, name, value] = /^(:?[^:\s]+):\s*(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be name: value.')
  return { ...before, [name.toLowerCase()]: value }
}

function pair(text: string, before: ExplainFlags['userProperty'] = []): ExplainFlags['userProperty'] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be name=value.')
  return [...before, [name, value]]
}

const list = (text: string): readonly string[] => text.split(',').filter((part) => part !== '')
const more = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]

const qosOption = (): Option =>
  new Option('-q, --qos <qos>', 'QoS that is asked for').argParser(numberIn(0, 2)).default(0)

const HELP = `
Exit code: 0 a way in is open, 1 none is, 2 that cannot be said, or it could not be looked at.
Nothing is started, and nobody is asked: tokens are verified by keys in the document only.
`

const EXAMPLES = {
  connect: `
Examples:
  zilla-ts explain connect --client c1 --username alice --password-stdin < password
  zilla-ts explain connect --client c1 --claims '{"sub":"alice","scope":"mqtt:stream"}' --port 8883 --sni example.com`,
  publish: `
Examples:
  zilla-ts explain publish --client c1 --topic place/7/x --qos 1
  zilla-ts explain publish --client c1 --topic place/7/x --retain --token - --format json < token`,
  subscribe: `
Examples:
  zilla-ts explain subscribe --client c1 --filter 'place/+/x' --filter '$share/g/place/#' --qos 1`,
} as const

type Action = keyof typeof EXAMPLES
export type Explainer = (action: Action, file: string, flags: ExplainFlags) => Promise<void>

/** Adds the three commands to `explain`. */
export function addExplainCommands(explain: Command, file: string, moduleOption: () => Option, run: Explainer): void {
  const command = (action: Action, description: string): Command =>
    withClient(explain.command(action).description(description), file)
      .addOption(moduleOption())
      .addHelpText('after', `${HELP}${EXAMPLES[action]}`)
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
      .action((document: string, flags: ExplainFlags) => run(action, document, { ...NOTHING, ...flags }))
  command('connect', 'say whether a client may connect, and by which routes')
  command('publish', 'say what becomes of a message, up to its record in Kafka')
    .requiredOption('-t, --topic <topic>', 'the MQTT topic')
    .addOption(qosOption())
    .option('-r, --retain', 'with RETAIN')
    .option('--payload <text>', 'the payload; an empty one clears what is retained')
    .addOption(new Option('--expiry <seconds>', 'Message Expiry Interval').argParser(numberIn(0, EXPIRY_MAX)))
    .option('--content-type <type>', 'Content Type')
    .option('--response-topic <topic>', 'Response Topic')
    .addOption(new Option('--user-property <name=value>', 'may be given again').argParser(pair))
    .addOption(
      new Option(
        '--partitions <count>',
        'that the Kafka topic has (default: `options.create.partitions`, or 1)',
      ).argParser(numberIn(1, PARTITIONS_MAX)),
    )
  command('subscribe', 'say which filters are granted, and which Kafka topics they read')
    .addOption(
      new Option('-f, --filter <filter>', 'the MQTT topic filter; may be given again')
        .argParser(more)
        .makeOptionMandatory(),
    )
    .addOption(qosOption())
}

function withClient(command: Command, file: string): Command {
  return command
    .argument('[file]', 'the document', file)
    .requiredOption('-i, --client <id>', 'client identifier')
    .option('-u, --username <name>', 'user name')
    .option('--password-stdin', 'read the password from the standard input, one line')
    .option(
      '--token <token>',
      'a token, shown wherever the document looks for credentials; - reads it from the standard input',
    )
    .addOption(
      new Option('--claims <json>', 'claims of a token that is taken for verified')
        .argParser(jsonObject)
        .conflicts('token'),
    )
    .option('--certificate <file>', 'PEM of the certificate that the client shows, taken for verified')
    .addOption(
      new Option('-p, --port <port>', 'that it connects to (default: each that there is)').argParser(
        numberIn(1, PORT_MAX),
      ),
    )
    .option('--host <address>', 'that it connects to (default: the one that is listened on)')
    .addOption(new Option('--from <address>', 'that it connects from').argParser(address))
    .option('--sni <name>', 'server name that its TLS asks for')
    .addOption(new Option('--alpn <names>', 'protocols that its TLS offers, separated by commas').argParser(list))
    .option('--path <path>', 'of the request for a WebSocket (default: /)')
    .addOption(new Option('--header <name: value>', 'of that request; may be given again').argParser(header))
    .addOption(new Option('--mqtt <version>', 'its version of MQTT').choices(['5', '3.1.1']).default('5'))
    .addOption(new Option('--format <format>', 'how to print it').choices(['text', 'json']).default('text'))
    .option('--env <file>', 'variables, one NAME=value a line, which stand above those of the environment')
    .option('--allow-unset-env', 'let variables be that are not set')
}
