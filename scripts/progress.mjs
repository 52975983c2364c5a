// One line per step on the terminal, with the time it took; the output of a command is shown only when it fails.
// Called by every script here, also before dependencies are installed: Node's own modules only, no recent syntax.
// Must never swallow an error: a failed step is printed and thrown on.

import { spawn } from 'node:child_process'

const outputBytesMax = 64 * 1024

/** A failure the user can act on: printed without a stack. `output` is what the failed command wrote. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {{ output?: string, cause?: unknown }} [details]
   */
  constructor(message, details = {}) {
    super(message, { cause: details.cause })
    this.name = 'Problem'
    this.output = details.output ?? ''
  }
}

/**
 * Runs `work` as one visible step. On a terminal the elapsed time ticks; elsewhere the line is written once.
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const startedAt = Date.now()
  const elapsed = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`
  const live = process.stdout.isTTY
  process.stdout.write(`${title} … `)
  const ticker = live ? setInterval(() => process.stdout.write(`\r${title} … ${elapsed()} `), 1000) : undefined
  const finish = (/** @type {string} */ end) => {
    clearInterval(ticker)
    process.stdout.write(`${live ? `\r${title} … ` : ''}${end}\n`)
  }
  try {
    const result = await work()
    finish(elapsed())
    return result
  } catch (error) {
    finish(`failed after ${elapsed()}`)
    if (error instanceof Problem && error.output) process.stdout.write(`${error.output.trimEnd()}\n`)
    throw error
  }
}

/** A `step` that prints nothing, for callers that report in their own way. */
export const silently = /** @type {typeof step} */ ((_title, work) => work())

/**
 * Runs a command to its end and returns its exit code with the last 64 KiB of what it wrote (both streams, in order).
 * Rejects only when the command cannot be started.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    let output = ''
    // `npm` and `mvn` are .cmd files on Windows, which only a shell can start.
    const shell = process.platform === 'win32' && command !== process.execPath
    const child = spawn(command, args, { ...options, shell, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (chunk) => {
        output = (output + chunk).slice(-outputBytesMax)
      })
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/**
 * The outermost call of a script: prints a failure once, in words, and sets the exit code.
 * @param {() => Promise<void>} script
 */
export async function main(script) {
  try {
    await script()
  } catch (error) {
    process.stderr.write(
      `\n${error instanceof Problem ? error.message : error instanceof Error ? error.stack : error}\n`,
    )
    process.exitCode = 1
  }
}
