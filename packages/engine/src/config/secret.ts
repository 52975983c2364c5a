/** Properties of a document whose values are shown to nobody: not in problems, and not in the configuration in effect. */

const NAME = /(password|passphrase|secret|token)$|^credentials$/i

/** A key of such a name, in a line of YAML, with the text, number or anchor after it; a mapping or list is not meant. */
const WRITTEN =
  /(?<![\w-])(["']?(?:[\w-]*(?:password|passphrase|secret|token)|credentials)["']?\s*:\s+)("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[^\s{}[\],#|>][^,}\]]*)/gi

export const isSecret = (name: unknown): boolean => typeof name === 'string' && NAME.test(name)

/** A line of a document as it may be shown: as long as it was, so that what points into it still does. */
export function withoutSecrets(line: string): string {
  return line.replace(WRITTEN, (_all, key: string, value: string) => key + '*'.repeat(value.length))
}
