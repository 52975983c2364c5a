/** `zilla-ts explain option mqtt.options.versions`: what the schemas say of one property, or of a type. */
import {
  type EntryType,
  entryTypes,
  envelopeSchema,
  isRefused,
  nearest,
  type Property,
  propertiesOf,
  type Registry,
  SECTION_OF_ENTRY,
  sharedSchemas,
  typeText,
} from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'

/** A type as it may be named, with or without its section. */
interface Named extends Pick<EntryType, 'schema' | 'kinds'> {
  /** names that lead to it, the shortest last */
  readonly names: readonly string[]
  readonly title: string
}

/** Text for people. Throws a `CommandError` with the nearest name when there is no such property. */
export function explainOption(name: string, registry: Registry): string {
  const wanted = partsOf(name)
  const all = namedTypes(registry)
  const types = all.flatMap((type) => {
    const own = type.names.map(partsOf).find((parts) => parts.every((part, index) => part === wanted[index]))
    return own === undefined ? [] : [{ type, rest: wanted.slice(own.length) }]
  })
  const answers = types.flatMap(({ type, rest }) => answersOf(type, rest))
  if (answers.length > 0) return answers.join('\n')
  throw new CommandError(`there is no option \`${name}\`${suggestion(name, wanted, all, types)}`)
}

function namedTypes(registry: Registry): Named[] {
  const entries = entryTypes(registry).map(({ what, type, schema, kinds }): Named => {
    const section = SECTION_OF_ENTRY[what]
    const names = [`${section}.${type}`, `${what}.${type}`, type]
    return {
      names: what === 'exporter' ? [`telemetry.${names[0]}`, ...names] : names,
      title: `${what} ${type}`,
      schema,
      kinds,
    }
  })
  const model = sharedSchemas['model']!
  return [
    ...entries,
    { names: ['model'], title: 'model', schema: model, kinds: [] },
    { names: [''], title: 'document', schema: documentSchema(), kinds: [] },
  ]
}

/** The sections stand for themselves: what is in them is explained by type. */
function documentSchema(): Named['schema'] {
  const sections = envelopeSchema['properties'] as Record<string, Record<string, unknown>>
  const properties = Object.entries(sections).map(([key, { additionalProperties: _, ...section }]) => [key, section])
  return { ...envelopeSchema, properties: Object.fromEntries(properties) }
}

const partsOf = (path: string): string[] =>
  path
    .replace(/\[\d*\]/g, '')
    .split('.')
    .filter((part) => part !== '')

function answersOf(type: Named, rest: readonly string[]): string[] {
  const [first] = rest
  const kind = type.kinds.find((each) => each === first)
  const path = kind === undefined ? rest : rest.slice(1)
  const properties = propertiesOf(type).filter(
    ({ kinds }) => kind === undefined || kinds.length === 0 || kinds.includes(kind),
  )
  if (path.length === 0) return type.title === 'document' ? [] : [describeType(type, properties)]
  // A name of one's own may be called as a property is: the property is more likely meant.
  const isEnd = (property: Property): boolean => partsOf(property.path).at(-1) === path.at(-1)
  const fitting = [path, ['options', ...path]].flatMap((each) =>
    properties.filter((property) => fits(partsOf(property.path), each)),
  )
  const found = fitting.find(isEnd) ?? fitting[0]
  return found === undefined ? [] : [describe(type, found, properties)]
}

/** `*` in a property stands for any one name, or is left out by who asks. */
function fits(parts: readonly string[], wanted: readonly string[]): boolean {
  const [part, ...others] = parts
  if (part === undefined) return wanted.length === 0
  const [first, ...more] = wanted
  if (part === '*') return (first !== undefined && fits(others, more)) || (others.length > 0 && fits(others, wanted))
  return first === part && fits(others, more)
}

function describeType({ title, schema, kinds }: Named, properties: readonly Property[]): string {
  const rows: Row[] = [['kinds', kinds.join(', ')]]
  return block(title, schema['description'], rows, childrenOf('', properties))
}

function describe(type: Named, property: Property, properties: readonly Property[]): string {
  const { path, schema, kinds, required } = property
  const title = type.title === 'document' ? path : `${type.title}: ${path}`
  if (isRefused(schema)) return block(title, `Not accepted. ${schema['x-hint'] ?? ''}`.trim(), [], [])
  const examples = (schema['examples'] as unknown[] | undefined) ?? []
  const rows: Row[] = [
    ['type', typeText(schema)],
    ['required', required ? 'yes' : ''],
    ['default', schema['default'] === undefined ? '' : JSON.stringify(schema['default'])],
    ['like', examples.map((example) => JSON.stringify(example)).join(', ')],
    ['form', schema['pattern'] === undefined ? '' : String(schema['x-hint'] ?? schema['pattern'])],
    ['names a', String(schema['x-reference'] ?? '')],
    ['old form', schema['deprecated'] === true ? 'yes' : ''],
    ['kinds', kinds.length < type.kinds.length ? kinds.join(', ') : ''],
  ]
  const below = schema['x-shared'] === 'model' ? modelProperties() : childrenOf(path, properties)
  return block(title, schema['description'], rows, below)
}

const modelProperties = (): Property[] => childrenOf('', propertiesOf({ schema: sharedSchemas['model']!, kinds: [] }))

type Row = readonly [string, string]

function block(title: string, description: unknown, rows: readonly Row[], children: readonly Property[]): string {
  const filled = rows.filter(([, text]) => text !== '')
  const lines = filled.map(([label, text]) => `  ${label.padEnd(9)} ${text}`)
  const names = children.map(({ path }) => path.split('.').at(-1)!)
  const width = Math.max(0, ...names.map(({ length }) => length))
  const below = children.map(({ schema }, index) => {
    return `  ${names[index]!.padEnd(width)}  ${firstSentence(String(schema['description'] ?? typeText(schema)))}`
  })
  return [
    title,
    ...(description === undefined ? [] : [`  ${description}`]),
    ...(lines.length === 0 ? [] : ['', ...lines]),
    ...(below.length === 0 ? [] : ['', 'It holds:', ...below]),
    '',
  ].join('\n')
}

const firstSentence = (text: string): string => /^.*?[.;:](?=\s|$)/s.exec(text)?.[0].replace(/[;:]$/, '.') ?? text

/** Those right below a path, as its items or as what stands in them. */
function childrenOf(path: string, properties: readonly Property[]): Property[] {
  const own = partsOf(path)
  return properties.filter(({ path: other, schema }) => {
    const parts = partsOf(other)
    return parts.length === own.length + 1 && own.every((part, index) => part === parts[index]) && !isRefused(schema)
  })
}

function suggestion(
  name: string,
  wanted: readonly string[],
  all: readonly Named[],
  types: readonly { readonly type: Named; readonly rest: readonly string[] }[],
): string {
  const within = types.filter(({ type }) => type.title !== 'document')
  const candidates = (within.length > 0 ? within.map(({ type }) => type) : all).flatMap((type) => {
    const short = type.names.find((each) => partsOf(each)[0] === wanted[0]) ?? type.names.at(-1)!
    const paths = propertiesOf(type).map(({ path }) => path.replaceAll('[]', ''))
    return [short, ...paths.flatMap((path) => [join(short, path), join(short, path.replace(/^options\./, ''))])]
  })
  const near = nearest(name, candidates) ?? nearestByLast(wanted, candidates)
  if (near !== undefined) return `; did you mean \`${near}\`?`
  return within.length > 0 ? '' : `; options are named by type, such as mqtt.options.versions`
}

const join = (type: string, path: string): string => (type === '' ? path : `${type}.${path}`)

/** Where it was looked for in the wrong place, or only its end is misspelt. */
function nearestByLast(wanted: readonly string[], candidates: readonly string[]): string | undefined {
  const last = (path: string): string => path.split('.').at(-1)!
  const near = nearest(wanted.at(-1) ?? '', new Set(candidates.map(last)))
  return near === undefined ? undefined : candidates.find((candidate) => last(candidate) === near)
}
