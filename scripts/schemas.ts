/**
 * Prints what generate.ts derives from the standard modules, as JSON: the composed schema and each type with its schema. A
 * process of its own, run from the sources, so that what was just written is what is read.
 */

import { standard } from '../packages/cli/src/standard.ts'
import {
  composeSchema,
  type EntryType,
  entryTypes,
  type JsonSchema,
  sharedSchemas,
} from '../packages/engine/src/index.ts'

export interface Schemas {
  readonly composed: JsonSchema
  readonly types: readonly EntryType[]
  readonly model: JsonSchema
}

const schemas: Schemas = {
  composed: composeSchema(standard),
  types: entryTypes(standard),
  model: sharedSchemas['model']!,
}
process.stdout.write(JSON.stringify(schemas))
