// `npm run setup`: brings a checkout with nothing but Node and npm to a state that runs; a no-op when it is there.
// Called before `npm start`, `npm test` and `npm run bench`. Node's own modules only: nothing is installed yet.
// Must never let something stale run: each step is skipped only if its inputs and outputs are what it left behind.

import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main, Problem, step } from './progress.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const usage = `npm run setup [-- --test]

Installs the dependencies (with the pnpm that package.json names) and builds, as far as needed.
  --test   prepares for the tests: fetches Kafka if Java and Maven are here (see ZILLA_TEST_KAFKA in scripts/test.mjs),
           and leaves the build to them
`

main(async () => {
  const args = process.argv.slice(2)
  const unknown = args.find((arg) => !['--test', '--help', '-h'].includes(arg))
  if (unknown) throw new Problem(`Unknown option ${unknown}\n\n${usage}`)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return
  }
  checkNode()
  checkWritable()
  // Imported only now: a Node that is too old could not even load them.
  const { ensureInstalled } = await import('./install.mjs')
  const { ensureBuilt } = await import('./build.mjs')
  await ensureInstalled()
  if (args.includes('--test')) await prepareTests()
  else await ensureBuilt()
})

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const wanted = engines.node.replace('>=', '')
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [majorMin, minorMin] = wanted.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return
  throw new Problem(`Node ${wanted} or newer is needed; this is ${process.versions.node} (${process.execPath}).`)
}

function checkWritable() {
  try {
    accessSync(root, constants.W_OK)
    mkdirSync(join(root, '.cache'), { recursive: true })
    accessSync(join(root, '.cache'), constants.W_OK)
  } catch (cause) {
    throw new Problem(`No permission to write in ${root}, where dependencies and the build go.`, { cause })
  }
}

// What is missing here is told again at the end of the tests, which decide whether they need it.
async function prepareTests() {
  if (process.env.ZILLA_TEST_KAFKA === 'off' || process.env.ZILLA_TEST_KAFKA_BOOTSTRAP) return
  const { findKafka, KafkaUnavailable } = await import('./kafka-distribution.mjs')
  try {
    await findKafka({ step })
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error
  }
}
