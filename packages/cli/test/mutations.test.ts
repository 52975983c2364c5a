/**
 * Documents that somebody has damaged: whatever happens to a right one, checking it ends with problems that are in the
 * catalogue, and what is accepted starts, where the outside is as it should be. ZILLA_MUTATIONS=5000 plays more of them,
 * ZILLA_MUTATION_SEED=n others.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, type ConfigBinding, type ConfigPart, createEngine, loadConfig } from '@zilla-ts/engine'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { numberOf } from '../src/problem-codes.ts'
import { standard } from '../src/standard.ts'

const MUTATIONS = Number(process.env['ZILLA_MUTATIONS'] ?? 600)
/** Of those that are accepted; a start costs far more than a check. */
const STARTS_MAX = Math.ceil(MUTATIONS / 10)
const SEED = Number(process.env['ZILLA_MUTATION_SEED'] ?? 1)
const STOP_MS = 2_000

const RIGHT = join(import.meta.dirname, 'golden', 'right')
const documents = readdirSync(RIGHT).map((name) => readFileSync(join(RIGHT, name), 'utf8'))
const environment = { PORT: '7183', NAME: 'north', BROKER: 'localhost:9092' }

/** What comes to stand where a value stood. */
const VALUES = [
  ...[
    '',
    '~',
    'true',
    '0',
    '-1',
    '1',
    '65535',
    '65536',
    '1e9',
    '0.5',
    '"7183-7184"',
    '[]',
    '{}',
    '[a]',
    '{ a: b }',
    '"a"',
  ],
  ...[
    'a/#',
    '"#"',
    '"+"',
    'a/{x}',
    '"{a}-{b}"',
    '"${params.x}"',
    '*',
    '&a',
    '*a',
    '!!str',
    '!x',
    '|',
    '>',
    '"',
    "'",
    '`',
  ],
  ...[
    'north',
    'mqtt',
    'echo',
    'mapping',
    'log',
    'sys:tcp_client',
    'a:b:c',
    'v5',
    'string',
    '${{env.PORT}}',
    '${{env.NO}}',
  ],
]

/** Lines by their keys, from all documents: what stands there elsewhere is most likely to be accepted. */
const linesByKey = new Map<string, string[]>()
for (const line of documents.flatMap((text) => text.split('\n'))) {
  const key = keyOf(line)
  if (key !== '') linesByKey.set(key, [...(linesByKey.get(key) ?? []), line.trim()])
}

function keyOf(line: string): string {
  return /^\s*(?:- )?([\w-]+:)/.exec(line)?.[1] ?? ''
}

/** mulberry32: the same numbers for the same seed everywhere. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function mutate(text: string, next: (below: number) => number): string {
  const lines = text.split('\n')
  const at = next(lines.length)
  const line = lines[at] ?? ''
  const pick = <T>(items: readonly T[]): T => items[next(items.length)]!
  const [, head = line] = /^(\s*(?:- )?[^:]*:)/.exec(line) ?? []
  switch (next(16)) {
    case 0:
      lines.splice(at, 1)
      break
    case 1:
      lines.splice(next(lines.length), 0, line)
      break
    case 2:
    case 3:
    case 4:
      lines[at] = `${head} ${pick(VALUES)}`
      break
    case 5:
      lines[at] = line.replace(/^ {2}/, next(2) === 0 ? '' : '    ')
      break
    case 6: {
      const place = next(line.length + 1)
      lines[at] = line.slice(0, place) + pick(['', ...'{}[]:,#&*!|>%@"\'`-? \t\0']) + line.slice(place + 1)
      break
    }
    case 7:
      lines[at] = pick(pick(documents).split('\n'))
      break
    case 8:
      lines.splice(
        at,
        0,
        ...pick(documents)
          .split('\n')
          .slice(1, 2 + next(6)),
      )
      break
    case 9: {
      const words = pick(documents).split(/[\s:,[\]{}]+/)
      lines[at] = line.replace(/[\w./-]+(?=\W*$)/, () => pick(words))
      break
    }
    default:
      lines[at] = line.replace(/\S.*/, (own) => pick(linesByKey.get(keyOf(line)) ?? [own]))
  }
  return lines.join('\n')
}

/** What stands for a Kafka, with its defaults. */
const LOG = loadConfig({
  text: 'name: stub\nbindings: { log: { type: kafka-embedded, kind: server, options: { directory: log } } }\n',
  file: 'stub.yaml',
  registry: standard,
  environment: {},
}).namespaces[0]?.bindings[0]

let directory = ''
let logs = 0

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'zilla-mutations-'))
  writeFileSync(join(directory, 'schema.json'), '{}')
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The document with the outside replaced: ports that are free, topics and schemas that are there, a log for Kafka. */
function stubbed(configs: readonly Config[]): Config[] {
  const catalog = (part: ConfigPart): ConfigPart => {
    if (part.type !== 'filesystem') return part
    const subjects = part.options['subjects'] as Record<string, object>
    const there = Object.entries(subjects).map(([name, subject]) => [name, { ...subject, path: 'schema.json' }])
    return { ...part, options: { ...part.options, subjects: Object.fromEntries(there) } }
  }
  return configs.map((config) => ({
    ...config,
    catalogs: config.catalogs.map(catalog),
    bindings: config.bindings.map(stubbedBinding),
  }))
}

function stubbedBinding(binding: ConfigBinding): ConfigBinding {
  const { type, kind, entry } = binding
  const replace = (change: object, others: Partial<ConfigBinding> = {}): ConfigBinding => {
    const options = { ...binding.options, ...change }
    return { ...binding, options, ...others, entry: { ...entry, options } }
  }
  if (type === 'tcp' && kind === 'server') return replace({ host: '127.0.0.1', port: 0 })
  if (type === 'mqtt-kafka') return replace({ create: {} })
  if (type === 'kafka-embedded') return replace({ directory: newFolder() })
  if (type !== 'kafka' || kind !== 'client') return binding
  const { type: log, kind: server, options } = LOG!
  const own = { type: log, kind: server, options: { ...options, directory: newFolder() }, routes: [] }
  return { ...binding, ...own, entry: own }
}

function newFolder(): string {
  logs += 1
  const folder = join(directory, `log-${logs}`)
  mkdirSync(folder)
  return folder
}

async function startAndStop(configs: readonly Config[]): Promise<void> {
  const engine = createEngine({
    registry: standard,
    configs: stubbed(configs),
    directory,
    properties: new Map(),
    logger: pino({ level: 'silent' }),
  })
  try {
    await engine.start()
  } finally {
    await engine.stop({ deadlineMs: STOP_MS })
  }
}

it(`${MUTATIONS} damaged documents give problems, or start`, { timeout: 120_000 + MUTATIONS * 200 }, async () => {
  const next = numbers(SEED)
  let accepted = 0
  let started = 0
  for (let round = 0; round < MUTATIONS; round++) {
    let text = documents[next(documents.length)]!
    for (let times = 1 + next(2); times > 0; times--) text = mutate(text, next)
    const { problems, namespaces } = loadConfig({ text, file: 'zilla.yaml', registry: standard, environment })
    for (const { code, line, column, endLine, message } of problems) {
      expect(numberOf(code), `${code}\n${text}`).toBeDefined()
      expect(line > 0 && column > 0 && endLine >= line && message !== '', text).toBe(true)
    }
    expect(namespaces.length > 0 && problems.some(({ level }) => level === 'error'), text).toBe(false)
    if (namespaces.every(({ bindings }) => bindings.length === 0)) continue
    accepted += 1
    if (started === STARTS_MAX) continue
    started += 1
    await startAndStop(namespaces).catch((error: unknown) => expect.fail(`${error}\nof what was accepted:\n${text}`))
  }
  // The property is empty where hardly anything is accepted.
  expect(accepted).toBeGreaterThan(MUTATIONS / 10)
})
