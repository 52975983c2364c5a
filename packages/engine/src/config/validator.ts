/**
 * One JSON Schema, compiled once: fills in defaults, and collects faults, warnings and the names of other entries that a
 * value refers to. Used for the envelope and for every type. The schemas are trusted, the values are not.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { DataValidationCxt } from 'ajv/dist/types/index.js'
import type { JsonSchema } from '../contract.ts'
import { dereference } from './dereference.ts'
import type { Path } from './places.ts'
import { type Fault, pathOf } from './problem.ts'
import { translate } from './translate.ts'

export type ReferenceKind = 'guard' | 'store' | 'vault' | 'catalog'

/** A value or key that names an entry of another section. */
export interface Reference {
  readonly kind: ReferenceKind
  readonly name: string
  readonly path: Path
  /** the name is the last key of `path` */
  readonly isKey: boolean
  /** what stands at that key */
  readonly value?: unknown
}

export interface Validation {
  readonly faults: Fault[]
  /** where values are that nobody may read */
  readonly secrets: readonly Path[]
  readonly references: readonly Reference[]
}

/** What the engine's own keywords write to while a value is validated. */
interface Collector {
  readonly references: Reference[]
  readonly warnings: Fault[]
  readonly secrets: Path[]
}

let ajv: Ajv2020 | undefined

/** One instance for all schemas; made on first use, since making it costs more than most commands need. */
function compiler(): Ajv2020 {
  if (ajv !== undefined) return ajv
  ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    passContext: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    strictTuples: false,
    // A document is validated once: what compiling costs counts for more than how fast the result runs. The schemas
    // themselves are checked by the tests.
    validateSchema: false,
    meta: false,
    code: { optimize: false },
  })
  ajv.addVocabulary(['x-hint', 'x-shared', 'x-kafka-topic'])
  ajv.removeKeyword('deprecated')
  ajv.addKeyword({ keyword: 'deprecated', schemaType: 'boolean', errors: false, validate: collectDeprecated })
  ajv.addKeyword({ keyword: 'x-warning', schemaType: 'string', errors: false, validate: collectWarning })
  ajv.addKeyword({ keyword: 'x-secret', schemaType: 'boolean', errors: false, validate: collectSecret })
  ajv.addKeyword({ keyword: 'x-reference', schemaType: 'string', errors: false, validate: collectReference })
  ajv.addKeyword({ keyword: 'x-keys-reference', schemaType: 'string', errors: false, validate: collectKeys })
  return ajv
}

function collectDeprecated(
  this: Collector,
  deprecated: boolean,
  _value: unknown,
  schema?: { readonly description?: string },
  cxt?: DataValidationCxt,
): boolean {
  if (deprecated && cxt !== undefined) {
    const hint = schema?.description
    const message = `\`${cxt.parentDataProperty}\` is an old form`
    this.warnings.push({
      level: 'warning',
      code: 'deprecated',
      message,
      path: pathOf(cxt.instancePath),
      atKey: true,
      hint,
    })
  }
  return true
}

function collectWarning(
  this: Collector,
  message: string,
  _value: unknown,
  _schema?: unknown,
  cxt?: DataValidationCxt,
): boolean {
  const path = pathOf(cxt?.instancePath ?? '')
  this.warnings.push({ level: 'warning', code: 'no-effect', message, path, atKey: true })
  return true
}

function collectSecret(
  this: Collector,
  secret: boolean,
  _value: unknown,
  _schema?: unknown,
  cxt?: DataValidationCxt,
): boolean {
  if (secret) this.secrets.push(pathOf(cxt?.instancePath ?? ''))
  return true
}

function collectReference(
  this: Collector,
  kind: ReferenceKind,
  name: unknown,
  _schema?: unknown,
  cxt?: DataValidationCxt,
): boolean {
  if (typeof name === 'string')
    this.references.push({ kind, name, path: pathOf(cxt?.instancePath ?? ''), isKey: false })
  return true
}

function collectKeys(
  this: Collector,
  kind: ReferenceKind,
  value: unknown,
  _schema?: unknown,
  cxt?: DataValidationCxt,
): boolean {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return true
  const path = pathOf(cxt?.instancePath ?? '')
  for (const [name, item] of Object.entries(value))
    this.references.push({ kind, name, path: [...path, name], isKey: true, value: item })
  return true
}

export class Validator {
  readonly #schema: JsonSchema
  #compiled: ValidateFunction | undefined

  constructor(schema: JsonSchema) {
    this.#schema = schema
  }

  /** Fills `value` with defaults in place. `ignore` leaves out errors that follow from one reported already. */
  validate(value: unknown, ignore?: { readonly conditions: boolean }): Validation {
    this.#compiled ??= compiler().compile(dereference(this.#schema))
    const collector: Collector = { references: [], warnings: [], secrets: [] }
    const errors = this.#compiled.call(collector, value) ? [] : (this.#compiled.errors ?? [])
    const relevant = ignore?.conditions
      ? errors.filter(({ schemaPath }) => !/\/(?:then|else)\//.test(schemaPath))
      : errors
    const { references, warnings, secrets } = collector
    return { faults: [...translate(relevant), ...warnings], references, secrets }
  }
}
