/** Problems for programs. docs/validate.md describes the shape; properties are added, never taken away. */
import type { Problem } from '@zilla-ts/engine'
import { numberOf } from './problem-codes.ts'

/** One document: `{ "version": 1, "valid": …, "problems": […] }`. */
export function jsonReport(problems: readonly Problem[], valid: boolean): string {
  return `${JSON.stringify({ version: 1, valid, problems: problems.map(item) }, null, 2)}\n`
}

function item(problem: Problem): object {
  const { file, line, column, endLine, endColumn, path, code, level, message, hint, suggestion, excerpt } = problem
  return {
    file,
    line,
    column,
    endLine,
    endColumn,
    pointer: path,
    code: numberOf(code) ?? null,
    name: code,
    severity: level,
    message,
    hint: hint ?? null,
    suggestion: suggestion ?? null,
    excerpt: excerpt ?? null,
  }
}
