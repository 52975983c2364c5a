/**
 * A model as the document writes it, and the validator made of it. Bindings call `compileModel` when they start and the
 * validator for each message; `checkModel` says beforehand what a schema cannot.
 */
import { type Catalog, LATEST } from '@zilla-ts/engine'
import { JsonValidator } from './json-validator.ts'
import { FloatValidator, Int32Validator, Int64Validator } from './number-validator.ts'
import { BooleanValidator, BytesValidator } from './plain-validator.ts'
import { integerLimits, parseRange } from './range.ts'
import { compilePattern, StringValidator } from './string-validator.ts'
import type { Validator } from './validator.ts'

export type ModelName = 'string' | 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'bytes' | 'json'
type Validation = 'strict' | 'lenient'

export interface SchemaReference {
  readonly subject?: string
  /** old name of `subject` */
  readonly schema?: string
  readonly version?: string
}

/** What the shared schema `zilla:model` accepts as an object; which properties belong to which model, it has checked. */
export interface ModelObject {
  readonly model?: ModelName
  /** old name of `model` */
  readonly type?: ModelName
  readonly validate?: Validation | { readonly decode?: Validation; readonly encode?: Validation }
  readonly encoding?: 'utf_8' | 'utf_16'
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: 'text' | 'binary'
  readonly range?: string
  readonly multiple?: number
  readonly catalog?: Readonly<Record<string, readonly SchemaReference[]>>
}

export type Model = Exclude<ModelName, 'json'> | ModelObject

/** A fault that `checkModel` found; `path` starts at the model. */
export interface ModelFinding {
  readonly path: readonly string[]
  readonly code: string
  readonly message: string
}

const INTEGERS = new Set<ModelName | undefined>(['int32', 'int64'])

const objectOf = (model: Model): ModelObject => (typeof model === 'string' ? { model } : model)
const nameOf = (model: ModelObject): ModelName | undefined => model.model ?? model.type

/** Whether content that does not fit passes. `decode`: it comes from a client; `encode`: it goes to one. */
export function isLenient(model: Model, direction: 'decode' | 'encode'): boolean {
  const { validate } = objectOf(model)
  return (typeof validate === 'object' ? validate[direction] : validate) === 'lenient'
}

/** What a schema cannot say of one model. Pure. */
export function checkModel(model: Model): ModelFinding[] {
  const { minLength, maxLength, pattern, ...object } = objectOf(model)
  const findings: ModelFinding[] = []
  if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
    const message = `no string has at least ${minLength} and at most ${maxLength} characters`
    findings.push({ path: ['minLength'], code: 'length-range-empty', message })
  }
  if (pattern !== undefined) {
    try {
      compilePattern(pattern)
    } catch (error) {
      findings.push({ path: ['pattern'], code: 'pattern-invalid', message: (error as Error).message })
    }
  }
  return [...findings, ...checkNumber(object)]
}

function checkNumber(model: ModelObject): ModelFinding[] {
  const findings: ModelFinding[] = []
  const name = nameOf(model)
  const { range, multiple } = model
  if (INTEGERS.has(name) && multiple !== undefined && !Number.isSafeInteger(multiple)) {
    const message = `${multiple} is no whole number, as the numbers of ${name} are`
    findings.push({ path: ['multiple'], code: 'multiple-invalid', message })
  }
  if (range !== undefined) {
    const message = INTEGERS.has(name) ? integerRangeFault(range, name as 'int32' | 'int64') : rangeFault(range)
    if (message !== null) findings.push({ path: ['range'], code: 'range-invalid', message })
  }
  return findings
}

function integerRangeFault(range: string, name: 'int32' | 'int64'): string | null {
  if (/\.\d*[1-9]/.test(range)) return `the limits of ${name} are whole numbers`
  const { min, max } = integerLimits(range, name)
  return min > max ? `no ${name} lies in ${range}` : null
}

function rangeFault(range: string): string | null {
  const { min, max, minIncluded, maxIncluded } = parseRange(range)
  const [from, to] = [Number(min ?? Number.NEGATIVE_INFINITY), Number(max ?? Number.POSITIVE_INFINITY)]
  const empty = from > to || (from === to && !(minIncluded && maxIncluded))
  return empty ? `no number lies in ${range}` : null
}

/** Throws an error that says which schema is missing or wrong. */
export function compileModel(model: Model, catalog: (name: string) => Catalog): Validator {
  const object = objectOf(model)
  const name = nameOf(object)
  switch (name) {
    case 'string':
      return new StringValidator(object)
    case 'int32':
      return new Int32Validator(object)
    case 'int64':
      return new Int64Validator(object)
    case 'float':
    case 'double':
      return new FloatValidator(name, object)
    case 'boolean':
      return new BooleanValidator()
    case 'bytes':
      return new BytesValidator()
    case 'json':
      return compileJson(object, catalog)
    default:
      throw new Error(`there is no model ${name}`)
  }
}

function compileJson({ catalog: references }: ModelObject, catalog: (name: string) => Catalog): Validator {
  const [[name, items] = [], ..._] = Object.entries(references ?? {})
  const reference = items?.[0]
  const subject = reference?.subject ?? reference?.schema
  if (name === undefined || subject === undefined) throw new Error('the model json names no schema')
  const version = reference?.version ?? LATEST
  const text = catalog(name).schema(subject, version)
  if (text === null) throw new Error(`the catalog ${name} has no subject ${subject} of version ${version}`)
  try {
    return new JsonValidator(text)
  } catch (error) {
    throw new Error(`the schema ${subject} of the catalog ${name}: ${(error as Error).message}`, { cause: error })
  }
}
