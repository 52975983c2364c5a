/** docs/validate.md: its commands do what it says. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../bin/zilla-ts', import.meta.url))
const PAGE = readFileSync(new URL('../../../docs/validate.md', import.meta.url), 'utf8')

/** The parser belongs to the engine. */
const { parse } = createRequire(new URL('../../engine/package.json', import.meta.url))('yaml') as {
  parse(text: string): unknown
}

const blocks = [...PAGE.matchAll(/^```(\w+)(?: (\w+))?\n([\s\S]*?)^```/gm)].map(([, language, mark, text = '']) => ({
  language,
  mark,
  text,
}))
const wrong = blocks.find(({ mark }) => mark === 'wrong')!.text
/** Each command with the block that follows it, which is what it prints. */
const commands = blocks.flatMap(({ language, text }, at) =>
  language === 'sh' ? [[text.trim(), blocks[at + 1]!.text] as const] : [],
)
let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'zilla-page-'))
  writeFileSync(join(directory, 'zilla.yaml'), wrong)
  mkdirSync(join(directory, 'conf', 'deep'), { recursive: true })
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** The words of a command line as the page writes them. */
function run(command: string): { code: number | null; out: string } {
  const [program, ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  expect(program).toMatch(/(?:^|\/)zilla-ts$/)
  const { status, stdout } = spawnSync(process.execPath, [BIN, ...args], { cwd: directory, encoding: 'utf8' })
  return { code: status, out: stdout }
}

it.each(commands)('%s prints what the page shows', (command, printed) => {
  expect(run(command)).toEqual({ code: 1, out: printed })
})

it('has a command of each kind', () => {
  expect(commands).toHaveLength(2)
})

describe('the workflow', () => {
  const { jobs } = parse(blocks.find(({ mark }) => mark === 'workflow')!.text) as {
    jobs: { validate: { steps: { run?: string }[] } }
  }
  const step = jobs.validate.steps.findLast(({ run: command }) => command !== undefined)!.run!

  it('passes what is right, whatever variables are set', () => {
    const text = wrong.replace('ecko', 'echo').replace('7183', '${{env.NO_SUCH_PORT}}')
    writeFileSync(join(directory, 'conf', 'deep', 'a.yaml'), text)
    expect(run(step)).toEqual({ code: 0, out: '' })
  })

  it('annotates what is wrong', () => {
    writeFileSync(join(directory, 'conf', 'b.yaml'), wrong)
    const { code, out } = run(step)
    expect(code).toBe(1)
    expect(out).toMatch(
      /^::error file=conf\/b\.yaml,line=9,col=11,endColumn=15,title=ZC0303 undefined-binding::there is no/,
    )
  })
})

it('names every option that there is', () => {
  const help = spawnSync(process.execPath, [BIN, 'validate', '--help'], { encoding: 'utf8' }).stdout
  const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option!)
  expect(options.length).toBeGreaterThan(4)
  for (const option of options.filter((name) => name !== '--help' && name !== '--config'))
    expect(PAGE).toContain(option)
})
