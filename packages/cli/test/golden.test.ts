/**
 * Golden documents of the standard modules: `golden/<case>.yaml` is a document, a ruler, and its problems one per line.
 * To write the expectations of new cases: UPDATE_GOLDEN=1, then read every line of the difference.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { loadConfig, type Problem } from '@zilla-ts/engine'
import { describe, expect, test } from 'vitest'
import { composedValidator } from '../../engine/test/composed.ts'
import { standard } from '../src/standard.ts'

const FOLDER = join(import.meta.dirname, 'golden')
const RULER = '\n# ----------\n'

/** The parser belongs to the engine. */
const { parse } = createRequire(new URL('../../engine/package.json', import.meta.url))('yaml') as {
  parse(text: string): unknown
}

const line = (problem: Problem): string =>
  `${problem.line}:${problem.column} ${problem.level} ${problem.code} ${problem.path || '/'}  ${problem.message}`

const composed = composedValidator(standard)

describe('golden documents', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
    test(file, () => {
      const content = readFileSync(join(FOLDER, file), 'utf8')
      const ruler = content.indexOf(RULER)
      const text = ruler < 0 ? content : content.slice(0, ruler + 1)
      const { problems, namespaces } = loadConfig({ text, file, registry: standard, environment: {} })
      const found = problems.map((problem) => `# ${line(problem)}\n`).join('')
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(FOLDER, file), text + RULER.slice(1) + found)
      else expect(found).toBe(content.slice(ruler + RULER.length))
      if (namespaces.length > 0) expect(composed(parse(text)), JSON.stringify(composed.errors)).toBe(true)
    })
  }
})
