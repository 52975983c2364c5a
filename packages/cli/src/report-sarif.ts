/** Problems in the Static Analysis Results Interchange Format, SARIF 2.1.0, which code hosts and editors show. */
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Problem } from '@zilla-ts/engine'
import type { Log, ReportingDescriptor, Result } from 'sarif'
import { numberOf, problemCodes } from './problem-codes.ts'

/** One run of one tool. */
export function sarifReport(problems: readonly Problem[], version: string): string {
  const ids = [...new Set(problems.map(({ code }) => code))].sort()
  const log: Log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'zilla-ts', semanticVersion: version, rules: ids.map(rule) } },
        columnKind: 'utf16CodeUnits',
        results: problems.map((problem) => result(problem, ids.indexOf(problem.code))),
      },
    ],
  }
  return `${JSON.stringify(log, null, 2)}\n`
}

function rule(code: string): ReportingDescriptor {
  const title = problemCodes[code]?.title
  return { id: numberOf(code) ?? code, name: code, ...(title !== undefined && { shortDescription: { text: title } }) }
}

function result(problem: Problem, ruleIndex: number): Result {
  const { file, line, column, endLine, endColumn, path, code, level, message, excerpt } = problem
  return {
    ruleId: numberOf(code) ?? code,
    ruleIndex,
    level,
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: {
            startLine: line,
            startColumn: column,
            endLine,
            endColumn,
            ...(excerpt !== undefined && { snippet: { text: excerpt } }),
          },
        },
        logicalLocations: [{ fullyQualifiedName: path === '' ? '/' : path }],
      },
    ],
  }
}

/** RFC 3986: a relative reference with every character escaped that has a meaning there. */
function uriOf(file: string): string {
  if (isAbsolute(file)) return pathToFileURL(file).href
  return file.split(/[\\/]/).map(encodeURIComponent).join('/')
}
