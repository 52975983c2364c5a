/** The composed schema as a validator of its own, strict about the schema itself. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { composeSchema, type Registry } from '../src/index.ts'

/** What editors read and validators do not. */
const EDITOR_KEYWORDS = [
  ...['markdownDescription', 'enumDescriptions', 'deprecationMessage', 'patternErrorMessage', 'errorMessage'],
  'doNotSuggest',
]

export function composedValidator(registry: Registry): ValidateFunction {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true })
  ajv.addVocabulary(EDITOR_KEYWORDS)
  return ajv.compile(composeSchema(registry))
}
