/**
 * Text → YAML documents, with every bound that keeps a hostile text harmless: size and depth here, aliases in tree.ts.
 * The depth is watched while the tokens arrive, since the composer recurses. Called by load.ts; does no I/O.
 */
import { Composer, type Document, Lexer, LineCounter, Parser } from 'yaml'
import type { Path } from './places.ts'
import { syntaxFault } from './yaml-fault.ts'

/** Characters of a file, far above any sensible document (10,000 routes need 3 M). */
export const SIZE_MAX = 16 * 1024 * 1024
/** Nested collections of a document. */
export const DEPTH_MAX = 100

/** YAML 1.2 §5.1 has no others in a document, not even in quotes, but tab, line feed and carriage return. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F]/

/** A fault found before there is a tree to point into. */
export interface SourceFault {
  readonly code: string
  readonly message: string
  readonly offset: number
  /** absent: one place, no stretch */
  readonly end?: number
  /** absent: it concerns the text, not a value */
  readonly path?: Path
}

export interface YamlSource {
  readonly text: string
  readonly documents: readonly Document[]
  readonly lines: LineCounter
  readonly faults: readonly SourceFault[]
}

/** Faults are at most one for each document: what follows a syntax error is guesswork. */
export function parseYaml(file: string): YamlSource {
  const text = file.startsWith('\uFEFF') ? file.slice(1) : file
  const lines = new LineCounter()
  lines.addNewLine(0)
  if (text.length > SIZE_MAX) {
    const message = `the file has ${text.length} characters; ${SIZE_MAX} are the most`
    return { text: '', documents: [], lines, faults: [{ code: 'file-too-large', message, offset: 0 }] }
  }
  const control = text.search(CONTROL)
  if (control >= 0) {
    const code = text.charCodeAt(control).toString(16).toUpperCase().padStart(4, '0')
    const message = `the control character U+${code} may not stand in a document`
    return {
      text,
      documents: [],
      lines: linesOf(text),
      faults: [{ code: 'control-character', message, offset: control }],
    }
  }
  const documents: Document[] = []
  const parser = new Parser(lines.addNewLine)
  // Duplicate keys are found in tree.ts: the composer compares every pair of keys.
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false })
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token))
    if (parser.stack.length > DEPTH_MAX) {
      const message = `collections are nested more than ${DEPTH_MAX} levels deep`
      return { text, documents: [], lines, faults: [{ code: 'too-deep', message, offset: parser.offset }] }
    }
  }
  for (const token of parser.end()) documents.push(...composer.next(token))
  documents.push(...composer.end(false, text.length))
  return { text, documents, lines, faults: documents.flatMap((document) => syntaxFault(document, text)) }
}

/** For text that the parser, which counts lines, does not get to see. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1)
  return lines
}
