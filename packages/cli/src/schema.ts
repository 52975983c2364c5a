/** `zilla-ts schema`: the JSON Schema of a whole document, for editors and CI; committed as schemas/zilla.schema.json. */
import { composeSchema } from '@zilla-ts/engine'
import { standard } from './standard.ts'

export function schemaText(): string {
  return `${JSON.stringify(composeSchema(standard), null, 2)}\n`
}
