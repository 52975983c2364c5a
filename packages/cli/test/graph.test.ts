/** `zilla-ts graph`: what is drawn. The drawings in graphs/ are read by people; `vitest -u` writes them anew. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRegistry, type GuardModule, loadConfig, type VaultModule } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { FORMATS, graphOf } from '../src/graph.ts'
import { standard } from '../src/standard.ts'

const FOLDER = join(import.meta.dirname, 'graphs')

const never = (): never => {
  throw new Error('nothing runs here')
}

const badge: GuardModule = {
  type: 'badge',
  schema: {
    type: 'object',
    properties: {
      type: { const: 'badge' },
      options: { type: 'object', properties: { vault: { 'x-reference': 'vault', $ref: 'zilla:reference' } } },
    },
  },
  attach: never,
}

const box: VaultModule = {
  type: 'box',
  schema: { type: 'object', properties: { type: { const: 'box' } } },
  attach: never,
}

const registry = createRegistry({ ...standard, guards: [badge], vaults: [box] })

function load(text: string) {
  const { namespaces, problems } = loadConfig({ text, file: 'zilla.yaml', registry, environment: {} })
  expect(problems.filter(({ level }) => level === 'error')).toEqual([])
  return graphOf(namespaces, registry)
}

describe('a document with everything in it', () => {
  const text = readFileSync(join(FOLDER, 'guarded.yaml'), 'utf8')

  it.each(Object.keys(FORMATS))('as %s', async (format) => {
    await expect(FORMATS[format]!(load(text))).toMatchFileSnapshot(join(FOLDER, `guarded.${format}`))
  })
})

describe('graphOf', () => {
  it('names built-in bindings in full, and those of a single document alone', () => {
    const graph = load(
      'name: x\nbindings: { k: { type: kafka, kind: client, options: { servers: ["h:1"] }, exit: "sys:tcp_client" } }\n',
    )
    expect(graph.nodes.map(({ name }) => name)).toEqual(['k', 'sys:tcp_client'])
  })

  it('of nothing is nothing', () => {
    const graph = load('name: x\n')
    expect(graph).toEqual({ nodes: [], edges: [] })
    expect(FORMATS['mermaid']!(graph)).toBe('flowchart LR\n')
    expect(FORMATS['dot']!(graph)).toBe('digraph zilla {\n  rankdir=LR\n}\n')
  })
})
