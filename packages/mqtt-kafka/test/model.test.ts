/**
 * Random histories of clients, connections and processes against a model of the standard (`ModelSession`, `Play`): what each
 * session must, may and must not receive, however it comes back. `ZILLA_MODEL_SEEDS=n` plays more of them,
 * `ZILLA_MODEL_SEED=n` plays one. A history that fails is shortened and printed.
 */
import { afterEach, expect, it, vi } from 'vitest'
import { play, Random, type Step, stepsOf } from './model-history.ts'

const STEPS = 150
const COUNT = Number(process.env['ZILLA_MODEL_SEEDS'] ?? 50)
const ONLY = process.env['ZILLA_MODEL_SEED']
/** Those that have found something come first. */
const FOUND = [73, 76, 136]
const SEEDS = ONLY === undefined ? [...FOUND, ...Array.from({ length: COUNT }, (_, at) => at + 1)] : [Number(ONLY)]
/** Plays that a shortening may take. */
const ATTEMPTS_MAX = 600

async function problemsOf(steps: readonly Step[]): Promise<string[]> {
  // Waits that are spread by chance are the same in every play.
  const random = new Random(0)
  vi.spyOn(Math, 'random').mockImplementation(() => random.fraction())
  try {
    return await play(steps)
  } catch (error) {
    return [String(error instanceof Error ? error.stack : error)]
  }
}

/** Leaves out whatever is not needed for it to fail in the same way. */
async function shorten(steps: readonly Step[], problem: string): Promise<readonly Step[]> {
  const kind = kindOf(problem)
  let shortest = steps
  let attempts = 0
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = shortest.length - size; at > -size; at -= size) {
      if (++attempts > ATTEMPTS_MAX) return shortest
      const start = Math.max(at, 0)
      const shorter = [...shortest.slice(0, start), ...shortest.slice(start + size)]
      const problems = await problemsOf(shorter)
      if (problems.some((one) => kindOf(one) === kind)) shortest = shorter
    }
  }
  return shortest
}

/** What is wrong, whatever the numbers. */
function kindOf(problem: string): string {
  return problem.replaceAll(/[cw]?\d+|[ab]\/\d/g, '…')
}

afterEach(() => {
  vi.restoreAllMocks()
})

it('keeps to the standard in random histories', async () => {
  for (const seed of SEEDS) {
    const steps = stepsOf(seed, STEPS)
    const problems = await problemsOf(steps)
    if (problems.length === 0) continue
    const shortest = await shorten(steps, problems[0]!)
    const list = shortest.map((step) => JSON.stringify(step)).join('\n')
    expect.fail(
      `ZILLA_MODEL_SEED=${seed}\n${problems.join('\n')}\nshortened:\n${(await problemsOf(shortest)).join('\n')}\nin:\n${list}`,
    )
  }
}, 600_000)
