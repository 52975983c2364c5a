/**
 * What the YAML parser says, in words that help: pointed at what was left open, not at where the parser gave up, and with
 * what to do about it. Quotes nothing of the text, which may be secret. Called by yaml-source.ts.
 */
import { type Document, isCollection, isScalar, type Node, visit, type YAMLParseError } from 'yaml'
import type { SourceFault } from './yaml-source.ts'

/** The first fault of a document, or none: what follows one is guesswork. */
export function syntaxFault(document: Document, text: string): SourceFault[] {
  let first: Pick<YAMLParseError, 'pos' | 'message' | 'code'> | undefined
  for (const error of [...document.errors, ...document.warnings]) {
    if (first === undefined || error.pos[0] < first.pos[0]) first = error
  }
  if (first === undefined) return []
  const offset = Math.min(first.pos[0], text.length)
  const message = first.message.split('\n', 1)[0]!
  return [
    unclosed(document, text, offset, message) ?? { code: 'yaml-syntax', message: told(message, text, offset), offset },
  ]
}

/** A quote or bracket without an end: it is found where the parser has no more text for it. */
function unclosed(document: Document, text: string, offset: number, message: string): SourceFault | undefined {
  const isQuote = message.startsWith('Missing closing')
  if (!isQuote && !/^Flow (?:map|sequence) .*end with a/.test(message)) return undefined
  let found: Node | undefined
  visit(document, {
    Node(_, node) {
      const [from, , end] = node.range ?? [0, 0, 0]
      const opens = isQuote ? isScalar(node) && /["']/.test(text[from] ?? '') : isCollection(node) && node.flow === true
      if (opens && from < offset && end >= offset) found = node
    },
  })
  const from = found?.range?.[0]
  if (from === undefined || inExpression(text, from)) return undefined
  return { code: 'yaml-syntax', message: `the ${text[from]} that stands here is never closed`, offset: from }
}

const lineAt = (text: string, offset: number): string =>
  text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? ''

const inExpression = (text: string, offset: number): boolean => lineAt(text, offset).includes('${{')

/** What each means in practice, by the beginning of the parser's words. */
const HINTS: readonly (readonly [says: string, hint: string])[] = [
  ['Tabs are not allowed', 'Indent with blanks'],
  ['Alias cannot be an empty string', 'A text that begins with * needs quotes'],
  ['Plain value cannot start with', 'Put the text in quotes'],
  [
    'Unexpected scalar at node end',
    'What begins with a quote, bracket or brace ends with it: put the whole text in quotes',
  ],
  ['Map comment with trailing content', 'A key with brackets or braces needs quotes'],
  [
    'Nested mappings are not allowed in compact',
    'A text with a colon and a blank needs quotes, a line below a value no deeper indentation',
  ],
  ['All mapping items must start at the same column', 'Indent the keys of one mapping alike'],
]

function told(message: string, text: string, offset: number): string {
  const words = message.replace(/: ["'`!].*$/s, '')
  if (inExpression(text, offset)) return `${words}. Inside [ ] and { } an expression must stand in quotes`
  if (words.startsWith('Implicit keys need to be on a single line')) {
    return /^\s*(?:- +)*[\w.-]+:\S/.test(lineAt(text, offset))
      ? 'A colon needs a blank after it'
      : 'This is no key: a key needs a colon and a blank after it'
  }
  const hint = HINTS.find(([says]) => words.startsWith(says))?.[1]
  return hint === undefined ? words : `${words}. ${hint}`
}
