/** The report of a run: JSON for programs, Markdown for people. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { PROMISES, type Promised, quantile } from './findings.ts'
import type { RunResult } from './run.ts'

export function writeReports(directory: string, result: RunResult): void {
  mkdirSync(directory, { recursive: true })
  const { storage, findings } = result
  const { counts, violations, samples } = findings
  const times = Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summary(values)]))
  const json = { at: new Date().toISOString(), machine: machine(), ...result, findings: { counts, violations, times } }
  writeFileSync(join(directory, `${storage}.json`), `${JSON.stringify(json, null, 2)}\n`)
  writeFileSync(join(directory, `${storage}.md`), markdown(result))
}

export function markdown({ storage, options, findings }: RunResult): string {
  const { counts, violations, samples } = findings
  const promises = (Object.keys(PROMISES) as Promised[]).map((name) => [name, PROMISES[name], violations[name].count])
  const texts = Object.entries(violations).flatMap(([name, found]) => found.texts.map((text) => `- ${name}: ${text}\n`))
  const sorted = Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const times = Object.entries(samples).map(([name, values]) => {
    const { count, median, p99, max } = summary(values)
    return [name, count, median, p99, max]
  })
  return `# Torture on ${storage}: ${findings.broken === 0 ? 'every promise held' : `${findings.broken} broken`}

${new Date().toISOString()}, ${machine()}

\`npm run torture -- --on ${storage} --seed ${options.seed} --minutes ${+(options.seconds / 60).toFixed(2)} --rate ${options.rate} --engines ${options.engines} --clients ${options.clients}\`

${table(['promise', '', 'broken'], promises)}
${texts.join('')}
${table(['what', 'count'], sorted)}
${table(['', 'samples', 'median', 'p99', 'max'], times)}`
}

function summary(values: readonly number[]) {
  const round = (value: number) => Number(value.toPrecision(3))
  return {
    count: values.length,
    median: round(quantile(values, 0.5)),
    p99: round(quantile(values, 0.99)),
    max: round(quantile(values, 1)),
  }
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}

function machine(): string {
  return `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`
}
