/** `zilla-ts start`: validates the document, then runs it in this process or in several. */
import cluster from 'node:cluster'
import { dirname, resolve } from 'node:path'
import type { Config } from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { countProblems, type DocumentOptions, formatProblems, hasErrors, loadDocument } from './document.ts'
import { effectiveConfiguration } from './effective.ts'
import { createLogger } from './logger.ts'
import { loadRegistry } from './modules.ts'
import { readProperties } from './properties.ts'
import { logAddresses, run } from './run.ts'
import { runWorker, supervise } from './workers.ts'

export interface StartOptions {
  readonly config: string
  readonly verbose: boolean
  readonly workers: number
  readonly properties: ReadonlyMap<string, string>
  /** of other packages */
  readonly modules: readonly string[]
}

/** Resolves when it runs. Rejects with a `CommandError` when it cannot. */
export async function start({ config, verbose, workers, properties, modules }: StartOptions): Promise<void> {
  const logger = await createLogger({ verbose })
  const directory = dirname(resolve(config))
  const registry = await loadRegistry(modules)
  if (cluster.isWorker) return runWorker({ registry, directory, properties, logger })
  const { defaults, warnings } = readProperties(properties)
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  const configs = await load(config, { registry, defaults })
  checkRunnable(configs, config, workers)
  logger.debug({ event: 'CONFIGURATION', configuration: effectiveConfiguration(configs) }, 'configuration in effect')
  if (workers > 1) return supervise({ count: workers, configs, logger })
  logAddresses(logger, await run({ registry, configs, directory, properties, logger, signals: ['SIGINT', 'SIGTERM'] }))
}

async function load(file: string, options: DocumentOptions): Promise<readonly Config[]> {
  const document = await loadDocument(file, options)
  if (!document.readable) throw new CommandError(document.problems.map(({ message }) => message).join())
  process.stderr.write(formatProblems(document, { color: process.stderr.isTTY }))
  if (hasErrors(document)) throw new CommandError(`${file} is not valid: ${countProblems(document)}`)
  return document.namespaces
}

function checkRunnable(configs: readonly Config[], file: string, workers: number): void {
  const bindings = configs.flatMap((config) => config.bindings)
  if (bindings.length === 0) throw new CommandError(`${file} has no bindings: there is nothing to run`)
  const log = bindings.find(({ type }) => type === 'kafka-embedded')
  if (workers > 1 && log !== undefined) {
    throw new CommandError(
      `-w ${workers} is not possible: ${log.id} (${log.type}) keeps its log in one process; use -w 1, or Kafka`,
    )
  }
}
