/** `zilla-ts schema`: the JSON Schema of a whole document, for editors and CI; committed as schemas/zilla.schema.json. */
import { composeSchema } from '@zilla-ts/engine'
import { loadRegistry } from './modules.ts'

export async function schemaText(modules: readonly string[]): Promise<string> {
  return `${JSON.stringify(composeSchema(await loadRegistry(modules)), null, 2)}\n`
}
