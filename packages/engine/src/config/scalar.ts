/**
 * Meaning of plain scalars: the YAML 1.2 core schema without its lesser known number forms, so that `012`, `+5`, `.5`,
 * `0o17` and `.inf` stay strings as in the published documents. Used for the text of the file and, after expansion, for
 * the values of environment variables.
 */

const INTEGER = /^(?:-?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$/
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/
const FIRST = /^[-0-9tTfFnN~]/

/** A value a document can hold at a leaf. */
export type ScalarValue = string | number | boolean | null

/** What an unquoted text stands for. */
export function plainValue(text: string): ScalarValue {
  if (text === '') return null
  if (!FIRST.test(text)) return text
  switch (text) {
    case '~':
    case 'null':
    case 'Null':
    case 'NULL':
      return null
    case 'true':
    case 'True':
    case 'TRUE':
      return true
    case 'false':
    case 'False':
    case 'FALSE':
      return false
  }
  if (INTEGER.test(text) || NUMBER.test(text)) {
    const number = Number(text)
    return Number.isFinite(number) ? number : text
  }
  return text
}
