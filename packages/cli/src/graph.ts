/**
 * `zilla-ts graph`: the document as a picture, for people (text), for pages (Mermaid) and for Graphviz (DOT). Nodes and edges
 * come in the order of the document, so that two outputs can be compared.
 */
import { type Config, type ConfigBinding, dereference, markedValues, type Registry } from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { countProblems, formatProblems, hasErrors, loadDocument } from './document.ts'
import { loadRegistry } from './modules.ts'

export interface GraphOptions {
  readonly format: string
  readonly modules: readonly string[]
}

type Shape = 'binding' | 'guard' | 'vault' | 'store' | 'catalog' | 'topic'

export interface GraphNode {
  readonly id: string
  readonly shape: Shape
  readonly name: string
  /** `mqtt server`; of a topic empty */
  readonly type: string
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** an exit, or something that is used */
  readonly isExit: boolean
  /** conditions; empty: none */
  readonly label: string
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

/** The exit code. Rejects with a `CommandError` when the document has errors, which are printed first. */
export async function graph(file: string, { format, modules }: GraphOptions): Promise<number> {
  const registry = await loadRegistry(modules)
  const document = await loadDocument(file, { registry })
  process.stderr.write(formatProblems(document, { color: process.stderr.isTTY }))
  if (hasErrors(document)) throw new CommandError(`${file} is not valid: ${countProblems(document)}`)
  process.stdout.write(FORMATS[format]!(graphOf(document.namespaces, registry)))
  return 0
}

export function graphOf(configs: readonly Config[], registry: Registry): Graph {
  const several = configs.filter(({ name }) => name !== 'sys').length > 1
  const label = (entry: { readonly namespace: string; readonly name: string; readonly id: string }): string =>
    several || entry.namespace === 'sys' ? entry.id : entry.name
  const nodes: GraphNode[] = []
  const edges: GraphEdge[] = []
  const topics = new Map<string, GraphNode>()
  for (const config of configs) {
    for (const binding of config.bindings) {
      const type = `${binding.type} ${binding.kind}`
      nodes.push({ id: `binding ${binding.id}`, shape: 'binding', name: label(binding), type })
      edges.push(...edgesOf(binding))
      for (const { name, where } of topicsOf(binding, registry)) {
        const id = `topic ${name}`
        topics.set(id, { id, shape: 'topic', name, type: '' })
        edges.push({ from: `binding ${binding.id}`, to: id, isExit: false, label: where })
      }
    }
    for (const shape of ['guard', 'vault', 'store', 'catalog'] as const) {
      for (const part of config[`${shape}s`]) {
        const from = `${shape} ${part.id}`
        nodes.push({ id: from, shape, name: label(part), type: part.type })
        const uses = 'uses' in part ? part.uses : []
        edges.push(...uses.map(({ what, id }) => ({ from, to: `${what} ${id}`, isExit: false, label: '' })))
      }
    }
  }
  return { nodes: [...nodes, ...topics.values()], edges }
}

function edgesOf({ id, routes, uses }: ConfigBinding): GraphEdge[] {
  const from = `binding ${id}`
  const exits = routes.flatMap(({ exit, when, guarded, with: done }): GraphEdge[] => {
    if (exit === null) return []
    const conditions = when.map(flat).join(' or ')
    const guards = guarded.map(({ guard, roles }) => {
      return `guarded by ${guard.slice(guard.indexOf(':') + 1)}${roles.length === 0 ? '' : ` (${roles.join(', ')})`}`
    })
    const parts = [
      conditions === '' ? '' : `when ${conditions}`,
      ...guards,
      done === undefined ? '' : `with ${flat(done)}`,
    ]
    return [{ from, to: `binding ${exit}`, isExit: true, label: parts.filter((part) => part !== '').join(', ') }]
  })
  return [...exits, ...uses.map(({ what, id: to }) => ({ from, to: `${what} ${to}`, isExit: false, label: '' }))]
}

/** `{ publish: [{ topic: 'a/#' }] }` → `publish topic a/#` */
function flat(value: unknown): string {
  if (Array.isArray(value)) return value.map(flat).join(', ')
  if (value === null || typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, item]) => `${name} ${flat(item)}`)
    .join(' and ')
}

/** Each topic once, with the options that name it. */
function topicsOf(binding: ConfigBinding, registry: Registry): { name: string; where: string }[] {
  const schema = registry.binding(binding.type)?.schema
  if (schema === undefined) return []
  const named = new Map<string, Set<string>>()
  for (const { value, path } of markedValues(dereference(schema), binding.entry, 'x-kafka-topic')) {
    const where = path.filter((part) => typeof part === 'string' && !['options', 'topics', 'name'].includes(part))
    const known = named.get(String(value)) ?? new Set()
    named.set(String(value), known.add(where.join('.')))
  }
  return [...named].map(([name, places]) => ({ name, where: [...places].filter((place) => place !== '').join(', ') }))
}

function textOf({ nodes, edges }: Graph): string {
  const names = new Map(
    nodes.map((node) => [node.id, node.shape === 'binding' ? node.name : `${node.shape} ${node.name}`]),
  )
  const blocks = nodes
    .filter(({ shape }) => shape !== 'topic')
    .map((node) => {
      const own = edges.filter(({ from }) => from === node.id)
      const lines = own.map(
        ({ to, isExit, label }) => `  ${isExit ? '→' : '·'} ${names.get(to)}${label === '' ? '' : `  ${label}`}`,
      )
      return [`${names.get(node.id)} (${node.type})`, ...lines].join('\n')
    })
  return `${blocks.join('\n\n')}\n`
}

const MERMAID_SHAPES: Readonly<Record<Shape, readonly [string, string]>> = {
  binding: ['[', ']'],
  guard: ['{{', '}}'],
  vault: ['[/', '/]'],
  store: ['[(', ')]'],
  catalog: ['[[', ']]'],
  topic: ['([', '])'],
}

function mermaidOf({ nodes, edges }: Graph): string {
  const ids = numbered(nodes)
  const quoted = (text: string): string =>
    `"${text.replace(/[^\w .,:/()+*=-]/gu, (sign) => `#${sign.codePointAt(0)};`)}"`
  const lines = nodes.map((node) => {
    const [left, right] = MERMAID_SHAPES[node.shape]
    const title = quoted(node.name) === '""' ? '" "' : quoted(node.name)
    const label = node.type === '' ? title : `${title.slice(0, -1)}<br/>${quoted(node.type).slice(1)}`
    return `  ${ids.get(node.id)}${left}${label}${right}`
  })
  const arrows = edges.map(({ from, to, isExit, label }) => {
    return `  ${ids.get(from)} ${isExit ? '-->' : '-.->'}${label === '' ? '' : `|${quoted(label)}|`} ${ids.get(to)}`
  })
  return `${['flowchart LR', ...lines, ...arrows].join('\n')}\n`
}

const DOT_SHAPES: Readonly<Record<Shape, string>> = {
  binding: 'box',
  guard: 'hexagon',
  vault: 'folder',
  store: 'box3d',
  catalog: 'note',
  topic: 'cylinder',
}

function dotOf({ nodes, edges }: Graph): string {
  const ids = numbered(nodes)
  const quoted = (text: string): string => text.replace(/["\\]/g, '\\$&').replaceAll('\n', ' ')
  const lines = nodes.map(({ id, shape, name, type }) => {
    return `  ${ids.get(id)} [shape=${DOT_SHAPES[shape]}, label="${quoted(name)}${type === '' ? '' : `\\n${quoted(type)}`}"]`
  })
  const arrows = edges.map(({ from, to, isExit, label }) => {
    const style = isExit ? [] : ['style=dashed']
    const attributes = [...(label === '' ? [] : [`label="${quoted(label)}"`]), ...style].join(', ')
    return `  ${ids.get(from)} -> ${ids.get(to)}${attributes === '' ? '' : ` [${attributes}]`}`
  })
  return `${['digraph zilla {', '  rankdir=LR', ...lines, ...arrows, '}'].join('\n')}\n`
}

/** Names may be words of the languages, and hold what these do not take: nodes are numbered. */
const numbered = (nodes: readonly GraphNode[]): ReadonlyMap<string, string> =>
  new Map(nodes.map(({ id }, index) => [id, `n${index}`]))

export const FORMATS: Readonly<Record<string, (graph: Graph) => string>> = {
  text: textOf,
  mermaid: mermaidOf,
  dot: dotOf,
}
