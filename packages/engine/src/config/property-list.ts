/**
 * The properties of a type as people read about them: one flat list over all kinds, and each schema in words. For `explain`
 * and the reference pages.
 */
import type { JsonSchema } from '../contract.ts'
import { dereference } from './dereference.ts'
import type { EntryType } from './entry-types.ts'
import { isObject, isRefused, schemaOfKind } from './kind-schema.ts'

type Json = Record<string, unknown>

export interface Property {
  /** `options.limits.packetBytes`, `routes[].when[].topic`, `options.subjects.*.schema` (`*`: a name of one's own) */
  readonly path: string
  /** without references; a refused property keeps its `x-hint` */
  readonly schema: Json
  /** whatever it stands in must have it */
  readonly required: boolean
  /** kinds that take it; empty: the type has none */
  readonly kinds: readonly string[]
}

/** Depth first, in the order of the schema. What all kinds refuse comes with no kind, or with its `x-hint` alone. */
export function propertiesOf({ schema, kinds }: Pick<EntryType, 'schema' | 'kinds'>): readonly Property[] {
  const whole = dereference(schema) as Json
  if (kinds.length === 0) return [...collect(whole, '', new Map()).values()]
  const merged = new Map<string, Property>()
  // All of it first, for the order and for what every kind refuses.
  for (const [path, property] of collect(whole, '', new Map())) merged.set(path, property)
  const accepted = new Set<string>()
  for (const kind of kinds) {
    for (const [path, property] of collect(schemaOfKind(whole, kind) as Json, '', new Map())) {
      if (path === 'kind' || isRefused(property.schema)) continue
      const known = merged.get(path)
      if (known === undefined || !accepted.has(path)) merged.set(path, { ...property, kinds: [kind] })
      else merged.set(path, { ...known, required: known.required && property.required, kinds: [...known.kinds, kind] })
      accepted.add(path)
    }
  }
  return [...merged.values()]
}

function collect(schema: Json, path: string, into: Map<string, Property>): Map<string, Property> {
  // Explained on a page of its own.
  if (path !== '' && schema['x-shared'] !== undefined) return into
  const required = (schema['required'] as readonly string[] | undefined) ?? []
  for (const [name, value] of Object.entries((schema['properties'] ?? {}) as Json)) {
    if (!isObject(value)) continue
    const at = path === '' ? name : `${path}.${name}`
    if (!into.has(at)) into.set(at, { path: at, schema: value, required: required.includes(name), kinds: [] })
    if (!isRefused(value)) collect(value, at, into)
  }
  for (const branch of choicesOf(schema)) collect(branch, path, into)
  if (isObject(schema['items'])) collect(schema['items'], `${path}[]`, into)
  const named = schema['additionalProperties']
  if (isObject(named)) {
    const at = `${path}.*`
    if (!into.has(at)) into.set(at, { path: at, schema: named, required: false, kinds: [] })
    collect(named, at, into)
  }
  return into
}

function choicesOf(schema: Json): Json[] {
  return [...((schema['anyOf'] ?? []) as unknown[]), ...((schema['oneOf'] ?? []) as unknown[])].filter(isObject)
}

const WORDS: Readonly<Record<string, string>> = { object: 'mapping', array: 'list', string: 'text' }

/** What a value is, with its limits: `integer (1 to 3600)`, `list (none twice) of v3.1.1 or v5`, `model`. */
export function typeText(schema: JsonSchema): string {
  if (schema['x-shared'] !== undefined) return String(schema['x-shared'])
  if (Array.isArray(schema['enum'])) return either(schema['enum'].map(String))
  if ('const' in schema) return String(schema['const'])
  const choices = choicesOf(schema as Json).filter((choice) => typeText(choice) !== 'value')
  if (choices.length > 0) return either([...new Set(choices.map(typeText))])
  const types = [schema['type'] ?? []].flat().map((type) => WORDS[String(type)] ?? String(type))
  if (types.length === 0) return isObject(schema['properties']) ? 'mapping' : 'value'
  const bounds = limits(schema).join(', ')
  return `${either(types)}${bounds === '' ? '' : ` (${bounds})`}${contents(schema)}`
}

function contents(schema: JsonSchema): string {
  if (isObject(schema['items'])) return ` of ${typeText(schema['items'])}`
  const named = schema['additionalProperties']
  return isObject(named) && typeText(named) !== 'value' ? ` of names, each with a ${typeText(named)}` : ''
}

/** Of what a bound counts, one and many. */
const UNITS: Readonly<Record<string, readonly [string, string]>> = {
  imum: ['', ''],
  Length: [' character', ' characters'],
  Items: [' item', ' items'],
  Properties: [' entry', ' entries'],
}

function limits(schema: JsonSchema): string[] {
  const found: string[] = []
  for (const [unit, [one, many]] of Object.entries(UNITS)) {
    const [least, most] = [schema[`min${unit}`], schema[`max${unit}`]]
    const counted = (bound: unknown): string => `${bound}${bound === 1 ? one : many}`
    if (least !== undefined && least === most) found.push(counted(most))
    else if (least !== undefined && most !== undefined) found.push(`${least} to ${counted(most)}`)
    else if (least === 1 && unit !== 'imum') found.push('not empty')
    else if (least !== undefined) found.push(`at least ${counted(least)}`)
    else if (most !== undefined) found.push(`at most ${counted(most)}`)
  }
  if (schema['exclusiveMinimum'] !== undefined) found.push(`more than ${schema['exclusiveMinimum']}`)
  if (schema['uniqueItems'] === true) found.push('none twice')
  return found
}

function either(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]*)$/, ' or $1')
}
