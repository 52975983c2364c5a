/**
 * ajv's errors → one clear fault each. ajv reports every branch of a choice and every consequence of a fault; here the
 * branch the user chose is picked and consequences are dropped. Called by the validator only.
 */
import type { ErrorObject } from 'ajv/dist/2020.js'
import { nearest } from './nearest.ts'
import type { Path } from './places.ts'
import { type Fault, pathOf, pointer } from './problem.ts'
import { MERGE_HINT, MERGE_KEY } from './shared-schemas.ts'

/** An error with those of its branches. */
interface Folded {
  readonly error: ErrorObject
  readonly inner: Folded[]
}

type Json = Readonly<Record<string, unknown>>

const HOLDS_OTHERS = new Set(['anyOf', 'oneOf', 'propertyNames', 'contains'])

/** How much a fault tells about the value it points at: of several at one value, the lowest stays. */
const RANK: Readonly<Record<string, number>> = { 'not-accepted': 0, 'wrong-type': 1, 'value-not-allowed': 2 }

/** At most one fault per value, in the order of the schema. */
export function translate(errors: readonly ErrorObject[]): Fault[] {
  if (errors.length === 0) return []
  return withoutConsequences(fold(errors).flatMap(explain))
}

/** ajv puts the errors of branches right before the error of the choice. */
function fold(errors: readonly ErrorObject[]): Folded[] {
  const folded: Folded[] = []
  for (const error of errors) {
    if (error.keyword === 'if') continue
    const inner: Folded[] = []
    while (HOLDS_OTHERS.has(error.keyword) && isInside(folded.at(-1)?.error, error)) inner.unshift(folded.pop()!)
    folded.push({ error, inner })
  }
  return folded
}

const isInside = (error: ErrorObject | undefined, choice: ErrorObject): boolean =>
  error?.schemaPath.startsWith(`${choice.schemaPath}/`) === true && error.instancePath.startsWith(choice.instancePath)

function explain(folded: Folded): Fault[] {
  const { error } = folded
  const path = pathOf(error.instancePath)
  const schema = (error.parentSchema ?? {}) as Json
  const hint = typeof schema['x-hint'] === 'string' ? schema['x-hint'] : undefined
  const params = error.params as Json
  const value = error.data
  switch (error.keyword) {
    case 'additionalProperties':
      return [unknownProperty(path, String(params['additionalProperty']), schema)]
    case 'required':
    case 'dependentRequired': {
      const missing = String(params['missingProperty'])
      return [{ code: 'missing-property', message: `\`${missing}\` is missing`, path, missing, atKey: true, hint }]
    }
    case 'type':
      return [
        {
          code: 'wrong-type',
          message: `expected ${typeList([params['type']].flat())}`,
          path,
          value,
          hint: hint ?? flowHint(value),
        },
      ]
    case 'enum':
      return [notAllowed(path, value, params['allowedValues'] as unknown[], hint)]
    case 'const':
      return [notAllowed(path, value, [params['allowedValue']], hint)]
    case 'false schema':
    case 'not': {
      const subject = path.length === 0 ? 'this' : `\`${path.at(-1)}\``
      return [{ code: 'not-accepted', message: `${subject} is not accepted here`, path, atKey: true, hint }]
    }
    case 'pattern':
      return [
        {
          code: 'wrong-format',
          message: hint ? 'not in the right form' : `expected text like ${params['pattern']}`,
          path,
          value,
          hint,
        },
      ]
    case 'propertyNames':
      return [badName(path, String(params['propertyName']), folded.inner)]
    case 'anyOf':
    case 'oneOf':
      return choice(folded, path, schema, hint)
    default:
      return [
        { code: 'out-of-range', message: limit(error), path, value: isCollection(value) ? undefined : value, hint },
      ]
  }
}

/** Its length is said by the message. */
const isCollection = (value: unknown): boolean => value !== null && typeof value === 'object'

/** The limits of JSON Schema in words; those without are rare enough for ajv's own. */
function limit({ keyword, params, message }: ErrorObject): string {
  const bound = Number((params as Json)['limit'])
  switch (keyword) {
    case 'minimum':
      return `must be at least ${bound}`
    case 'exclusiveMinimum':
      return `must be more than ${bound}`
    case 'maximum':
      return `must be at most ${bound}`
    case 'minLength':
      return bound === 1 ? 'must not be empty' : `must have at least ${bound} characters`
    case 'maxLength':
      return `must have at most ${bound} characters`
    case 'minItems':
    case 'minProperties':
      return bound === 1 ? 'must not be empty' : `must have at least ${bound} entries`
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${bound} ${bound === 1 ? 'entry' : 'entries'}`
    case 'uniqueItems':
      return `must not have the same item twice (items ${Number(params['j']) + 1} and ${Number(params['i']) + 1})`
    default:
      return message ?? keyword
  }
}

/** JSON's types in the words of YAML. */
const TYPE_WORDS: Readonly<Record<string, string>> = { object: 'mapping', array: 'list', string: 'text' }

function typeList(types: readonly unknown[]): string {
  const names = types.map((type) => TYPE_WORDS[String(type)] ?? String(type))
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** `{credentials}` without quotes is a mapping in YAML. */
function flowHint(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const [[key, inner] = [], ...others] = Object.entries(value)
  if (key === undefined || inner !== null || others.length > 0) return undefined
  return `Unquoted braces make a mapping; write '{${key}}' in quotes.`
}

function unknownProperty(path: Path, name: string, schema: Json): Fault {
  const properties = (schema['properties'] ?? {}) as Json
  const allowed = Object.keys(properties).filter((key) => properties[key] !== false)
  const options = (properties['options'] as Json | undefined)?.['properties'] as Json | undefined
  const suggestion = options !== undefined && name in options ? `options.${name}` : nearest(name, allowed)
  return {
    code: 'unknown-property',
    message: `\`${name}\` is unknown here`,
    path: [...path, name],
    atKey: true,
    suggestion,
    allowed,
    hint: name === MERGE_KEY ? MERGE_HINT : undefined,
  }
}

function notAllowed(path: Path, value: unknown, allowed: readonly unknown[], hint: string | undefined): Fault {
  const suggestion =
    typeof value === 'string'
      ? nearest(
          value,
          allowed.filter((item) => typeof item === 'string'),
        )
      : undefined
  const message = `expected ${allowed.map((item) => `\`${item}\``).join(', ')}`.replace(/, ([^,]*)$/, ' or $1')
  return { code: 'value-not-allowed', message, path, value, allowed, suggestion, hint }
}

function badName(path: Path, name: string, inner: readonly Folded[]): Fault {
  const schema = inner[0]?.error.parentSchema as Json | undefined
  const hint = typeof schema?.['x-hint'] === 'string' ? schema['x-hint'] : undefined
  return { code: 'bad-name', message: `\`${name}\` is not a name`, path: [...path, name], atKey: true, hint }
}

/** The faults of the branch the user chose, or what the branches have in common. */
function choice(folded: Folded, path: Path, schema: Json, hint: string | undefined): Fault[] {
  const { error, inner } = folded
  const branches = branchesOf(folded)
  const fitsSeveral = Array.isArray((error.params as Json)['passingSchemas'])
  const required = (schema[error.keyword] as unknown[]).map((branch) => requiredOnly(branch))
  if (required.every((names) => names !== undefined)) {
    const names = required.map((each) => each.map((name) => `\`${name}\``).join(' with '))
    const message = fitsSeveral ? `only one of ${names.join(', ')} is accepted` : `needs one of ${names.join(', ')}`
    return [{ code: fitsSeveral ? 'too-many-properties' : 'missing-property', message, path, atKey: true, hint }]
  }
  if (fitsSeveral) return [{ code: 'ambiguous-value', message: 'fits more than one of the accepted forms', path, hint }]
  const rightType = branches.filter((branch) => !branch.some((each) => isWrongType(each, path)))
  const rightValue = rightType.filter((branch) => !branch.some((each) => isDiscriminator(each, path)))
  const chosen = (rightValue.length > 0 ? rightValue : rightType).sort((a, b) => a.length - b.length)
  if (rightValue.length === 0 && rightType.length > 1) return [merged(rightType, path, hint)]
  if (chosen[0] !== undefined) return chosen[0].map((fault) => ({ ...fault, hint: fault.hint ?? hint }))
  return [
    {
      code: 'wrong-type',
      message: `expected ${expected(inner)}`,
      path,
      value: error.data,
      hint: hint ?? flowHint(error.data),
    },
  ]
}

/** Of each branch its explained faults. */
function branchesOf({ error, inner }: Folded): Branch[] {
  const branches = new Map<string, Branch>()
  for (const folded of inner) {
    const index = folded.error.schemaPath.slice(error.schemaPath.length + 1).split('/', 1)[0] ?? ''
    const branch = branches.get(index) ?? []
    branch.push(...explain(folded))
    branches.set(index, branch)
  }
  return [...branches.values()]
}

type Branch = Fault[]

function requiredOnly(branch: unknown): string[] | undefined {
  if (branch === null || typeof branch !== 'object') return undefined
  const keys = Object.keys(branch)
  return keys.length === 1 && keys[0] === 'required' ? (branch as { required: string[] }).required : undefined
}

const isWrongType = (fault: Fault, path: Path): boolean =>
  fault.code === 'wrong-type' && fault.path.length === path.length

/** A fixed value, of the thing itself or of a property, which tells the branches apart. */
const isDiscriminator = (fault: Fault, path: Path): boolean =>
  fault.code === 'value-not-allowed' && fault.path.length <= path.length + 1

function merged(branches: readonly Branch[], path: Path, hint: string | undefined): Fault {
  const faults = branches.map((branch) => branch.find((fault) => isDiscriminator(fault, path))!)
  const at = faults[0]!
  const same = faults.filter((fault) => pointer(fault.path) === pointer(at.path))
  return notAllowed(at.path, at.value, [...new Set(same.flatMap((fault) => fault.allowed ?? []))], hint)
}

/** The types that some branch takes, those of choices inside the choice too. */
function expected(inner: readonly Folded[]): string {
  const types = (folded: Folded): unknown[] =>
    folded.error.keyword === 'type' ? [folded.error.params['type']].flat() : folded.inner.flatMap(types)
  return typeList([...new Set(inner.flatMap(types))])
}

/** One fault for each value; none inside a value that is wrong as a whole; none that a near miss explains. */
function withoutConsequences(faults: readonly Fault[]): Fault[] {
  const byTarget = new Map<string, Fault>()
  for (const fault of faults) {
    const target = pointer(fault.missing === undefined ? fault.path : [...fault.path, fault.missing])
    const known = byTarget.get(target)
    if (known === undefined || rank(fault) < rank(known)) byTarget.set(target, fault)
  }
  const misspelt = new Set<string>()
  const merging = new Set<string>()
  for (const fault of byTarget.values()) {
    const parent = fault.path.slice(0, -1)
    if (fault.code === 'unknown-property') misspelt.add(pointer([...parent, fault.suggestion ?? '']))
    if (fault.path.at(-1) === MERGE_KEY) merging.add(pointer(parent))
  }
  return [...byTarget]
    .filter(([target]) => !misspelt.has(target) && !liesInside(target, byTarget))
    .filter(([, fault]) => fault.missing === undefined || !merging.has(pointer(fault.path)))
    .map(([, fault]) => fault)
}

const rank = (fault: Fault): number => RANK[fault.code] ?? 9

function liesInside(target: string, byTarget: ReadonlyMap<string, Fault>): boolean {
  for (let end = target.lastIndexOf('/'); end >= 0; end = target.lastIndexOf('/', end - 1)) {
    const outer = byTarget.get(target.slice(0, end))
    if (outer !== undefined && rank(outer) <= 1) return true
    if (end === 0) break
  }
  return false
}
