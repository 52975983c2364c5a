/** docs/explain.md: its commands print what it shows. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../bin/zilla-ts', import.meta.url))
const PAGE = readFileSync(new URL('../../../docs/explain.md', import.meta.url), 'utf8')

const blocks = [...PAGE.matchAll(/^```(\w+)(?: (\w+))?\n([\s\S]*?)^```/gm)].map(([, language, mark, text = '']) => ({
  language,
  mark,
  text,
}))
/** Each command with its exit code and the block that follows it, which is what it prints. */
const commands = blocks.flatMap(({ language, mark, text }, at) =>
  language === 'sh' ? [[text.trim(), Number(mark), blocks[at + 1]!.text] as const] : [],
)
let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'zilla-page-'))
  writeFileSync(join(directory, 'zilla.yaml'), blocks.find(({ mark }) => mark === 'document')!.text)
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

it.each(commands)('%s', (command, code, printed) => {
  const [program, ...args] = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  expect(program).toBe('zilla-ts')
  const { status, stdout } = spawnSync(process.execPath, [BIN, ...args], { cwd: directory, encoding: 'utf8' })
  expect(stdout).toBe(printed)
  expect(status).toBe(code)
})

it.each(['connect', 'publish', 'subscribe'])('names every option of %s', (action) => {
  const help = spawnSync(process.execPath, [BIN, 'explain', action, '--help'], { encoding: 'utf8' }).stdout
  const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option!)
  expect(options.length).toBeGreaterThan(15)
  for (const option of options.filter((name) => name !== '--help')) expect(PAGE).toContain(option)
})
