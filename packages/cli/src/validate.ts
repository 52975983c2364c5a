/** `zilla-ts validate`: says everything that is wrong with the documents, and starts nothing. */
import { countProblems, formatProblems, hasErrors, type LoadedDocument, loadDocument } from './document.ts'
import { loadRegistry } from './modules.ts'

export interface ValidateOptions {
  readonly format: string
  /** of other packages */
  readonly modules: readonly string[]
}

/** The exit code: 1 when any document has an error. Warnings are no reason. */
export async function validate(files: readonly string[], { format, modules }: ValidateOptions): Promise<number> {
  const registry = await loadRegistry(modules)
  const documents: LoadedDocument[] = []
  for (const file of files) documents.push(await loadDocument(file, { registry }))
  const failed = documents.some(hasErrors)
  if (format === 'json') {
    const problems = documents.flatMap((document) => document.problems)
    process.stdout.write(`${JSON.stringify({ valid: !failed, problems }, null, 2)}\n`)
    return failed ? 1 : 0
  }
  for (const document of documents) {
    process.stdout.write(formatProblems(document, { color: process.stdout.isTTY }))
    const state = hasErrors(document) ? 'not valid' : 'valid'
    const count = countProblems(document)
    process.stdout.write(`${document.file} is ${state}${count === '' ? '' : `: ${count}`}\n`)
  }
  return failed ? 1 : 0
}
