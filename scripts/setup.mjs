// `npm run setup`: brings a checkout with nothing but Node and npm to a state that runs; a no-op when it is there.
// Called before `npm test` and `npm run bench`; `npm start` does the same itself. Node's own modules only: nothing is installed yet.
// Must never let something stale run: each step is skipped only if its inputs and outputs are what it left behind.

import { prepare } from './prepare.mjs'
import { main, Problem, step } from './progress.mjs'

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
  const forTests = args.includes('--test')
  await prepare({ build: !forTests })
  if (forTests) await prepareTests()
})

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
