/**
 * Golden documents: `golden/<case>.yaml` is a document, a ruler, and what is expected of it: its problems one per line, or,
 * when there is no error, its graph as well. Some texts cannot stand in a file with a ruler; they are in `hostile.test.ts`.
 * To write the expectations of new cases: UPDATE_GOLDEN=1, then read every line of the difference.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type Config, loadConfig, type Problem } from '../src/index.ts'
import { composedValidator } from './composed.ts'
import { testRegistry } from './modules.ts'

const FOLDER = join(import.meta.dirname, 'golden')
const RULER = '\n# ----------\n'

/** What the cases find in the environment. */
const environment = {
  PORT: '7183',
  HOST: 'localhost',
  EMPTY: '',
  SECRET: 'not to be seen',
  YES: 'true',
  TRICKY: 'a: [b, $& #c',
  NAME: 'north',
}

const line = (problem: Problem): string =>
  `${problem.line}:${problem.column} ${problem.level} ${problem.code} ${problem.path || '/'}  ${problem.message}`

function graph(configs: readonly Config[]): string[] {
  return configs.flatMap(({ name, bindings, guards, stores, catalogs }) => [
    `namespace ${name}`,
    ...guards.map((guard) => `  guard ${guard.id} ${guard.type} ${JSON.stringify(guard.options)}`),
    ...stores.map((store) => `  store ${store.id} ${store.type}`),
    ...catalogs.map((catalog) => `  catalog ${catalog.id} ${catalog.type} ${JSON.stringify(catalog.options)}`),
    ...bindings.flatMap((binding) => [
      `  ${binding.id} ${binding.type} ${binding.kind} ${JSON.stringify(binding.options)}`,
      ...binding.routes.map(({ when, with: other, guarded, exit }) => {
        const parts = [
          ...(when.length > 0 ? [`when ${JSON.stringify(when)}`] : []),
          ...(other === undefined ? [] : [`with ${JSON.stringify(other)}`]),
          ...guarded.map(({ guard, roles }) => `guarded ${guard}[${roles.join(' ')}]`),
          `→ ${exit}`,
        ]
        return `    ${parts.join(' ')}`
      }),
    ]),
  ])
}

const registry = testRegistry()
const composed = composedValidator(registry)

describe('golden documents', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
    test(file, () => {
      const content = readFileSync(join(FOLDER, file), 'utf8')
      const ruler = content.indexOf(RULER)
      const text = ruler < 0 ? content : content.slice(0, ruler + 1)
      const { problems, namespaces } = loadConfig({ text, file, registry, environment })
      const found = [...problems.map(line), ...graph(namespaces)].map((each) => `# ${each}\n`).join('')
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(FOLDER, file), text + RULER.slice(1) + found)
      else expect(found).toBe(content.slice(ruler + RULER.length))
      if (namespaces.length === 0) return
      for (const document of parseAllDocuments(text)) {
        expect(composed(document.toJS()), JSON.stringify(composed.errors)).toBe(true)
      }
    })
  }
})
