/** `zilla-ts validate`: says everything that is wrong with documents, and starts nothing. */
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { globSync, isDynamicPattern } from 'tinyglobby'
import { CommandError } from './command-error.ts'
import {
  countProblems,
  formatProblems,
  hasErrors,
  type LoadedDocument,
  loadDocument,
  lookedOutside,
} from './document.ts'
import { loadRegistry } from './modules.ts'
import { githubReport } from './report-github.ts'
import { jsonReport } from './report-json.ts'
import { sarifReport } from './report-sarif.ts'
import { STDIN } from './source.ts'

export interface ValidateOptions {
  readonly format: 'human' | 'json' | 'sarif' | 'github'
  /** warnings fail too */
  readonly strict: boolean
  /** file of variables, which stand above those of the process */
  readonly env?: string
  /** variables that are not set are no problem */
  readonly allowUnsetEnv: boolean
  /** Kafka is asked too, and has so long to answer; null: nobody is asked anything */
  readonly deadlineMs: number | null
  /** of other packages */
  readonly modules: readonly string[]
  /** of this program, for reports that name it */
  readonly version: string
}

export interface Report {
  readonly text: string
  /** 0: nothing is wrong; 1: something is; 2: a file could not be read */
  readonly code: 0 | 1 | 2
}

/** Rejects with a `CommandError` where there is nothing to check. */
export async function validate(patterns: readonly string[], options: ValidateOptions): Promise<Report> {
  const { format, strict, allowUnsetEnv: allowUnset, deadlineMs } = options
  const environment = options.env === undefined ? process.env : { ...process.env, ...readEnvironment(options.env) }
  const registry = await loadRegistry(options.modules)
  const documents: LoadedDocument[] = []
  for (const file of filesOf(patterns)) {
    const document = await loadDocument(file, { registry, environment, allowUnset })
    documents.push(deadlineMs === null ? document : await lookedOutside(document, file, { registry, deadlineMs }))
  }
  const fails = (document: LoadedDocument): boolean => hasErrors(document) || (strict && document.problems.length > 0)
  const failed = documents.some(fails)
  const code = documents.some(({ readable }) => !readable) ? 2 : failed ? 1 : 0
  const problems = documents.flatMap((document) => document.problems)
  switch (format) {
    case 'json':
      return { text: jsonReport(problems, !failed), code }
    case 'sarif':
      return { text: sarifReport(problems, options.version), code }
    case 'github':
      return { text: githubReport(problems), code }
    case 'human':
      return { text: documents.map((document) => humanReport(document, fails(document))).join(''), code }
  }
}

function humanReport(document: LoadedDocument, failed: boolean): string {
  const count = countProblems(document)
  const state = `${document.file} is ${failed ? 'not valid' : 'valid'}${count === '' ? '' : `: ${count}`}`
  return `${formatProblems(document, { color: process.stdout.isTTY })}${state}\n`
}

/** Each once, in the order given; what a pattern stands for by name. A file may have the characters of a pattern in its name. */
function filesOf(patterns: readonly string[]): string[] {
  const files = patterns.flatMap((pattern) => {
    if (pattern === STDIN || existsSync(pattern) || !isDynamicPattern(pattern)) return [pattern]
    const found = globSync(pattern, { dot: true, expandDirectories: false }).sort()
    if (found.length === 0) throw new CommandError(`no file matches ${pattern}`)
    return found
  })
  return [...new Set(files)]
}

/** Variables by name. Throws a `CommandError` where the file cannot be read. */
export function readEnvironment(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CommandError(`cannot read ${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`)
  }
}
