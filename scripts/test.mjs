// `npm test [-- vitest's arguments]`: types, lint, generated files, tests; all of them run, whatever fails before.
// Called after `setup.mjs --test`, which installs. Its last line, `N passed, N failed, N skipped`, is for CI to read.
// Must never look complete when it is not: what this machine cannot run is named at the end.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt } from './build.mjs'
import { findKafka, KafkaUnavailable } from './kafka-distribution.mjs'
import { main, Problem, run, step } from './progress.mjs'
import { root } from './stamp.mjs'
import { chromium, clientsMode, hasMosquitto, kafkaMode, pahoPython } from './test-environment.mjs'

const usage = `npm test [-- arguments of vitest]      as in: npm test -- packages/mqtt

ZILLA_TEST_KAFKA=auto|required|off     a real Kafka broker: skip what needs it if Java 17 or Maven is missing (auto),
                                       fail then (required), or do without (off)
ZILLA_TEST_KAFKA_BOOTSTRAP=HOST:PORT   use a broker that runs already
ZILLA_TEST_CLIENTS=auto|required       mosquitto_pub, mosquitto_sub, Paho and Chromium: skip what needs them if
                                       missing, or fail
scripts/install-test-tools.sh          installs all of these on Debian and the like
`

const bin = (/** @type {string[]} */ ...path) => join(root, 'node_modules', ...path)
const tsc = bin('typescript', 'bin', 'tsc')
const biome = bin('@biomejs', 'biome', 'bin', 'biome')
const tsx = bin('tsx', 'dist', 'cli.mjs')
const vitest = bin('vitest', 'vitest.mjs')

main(async () => {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return
  }
  /** @type {[string, boolean][]} */
  const results = [
    [
      'types',
      (await succeeds(ensureBuilt)) &&
        (await passes('Checking the types of tests and scripts', [tsc, '-p', 'tsconfig.test.json'])),
    ],
    ['lint', await passes('Linting', [biome, 'check', '.'])],
    ['generated files', await passes('Checking generated files', [tsx, 'scripts/generate.ts', '--check'])],
  ]
  const missing = await findMissing()
  const { counts, succeeded } = await runTests(args, missing.isKafka)
  results.push(['tests', succeeded])

  process.stdout.write('\n')
  for (const [name, ok] of results) process.stdout.write(`${name.padEnd(16)} ${ok ? 'ok' : 'FAILED'}\n`)
  for (const reason of missing.reasons) process.stdout.write(`\nNOT RUN: ${reason}\n`)
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
  process.exitCode = results.every(([, ok]) => ok) ? 0 : 1
})

/** @param {() => Promise<unknown>} work */
async function succeeds(work) {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof Problem) return false
    throw error
  }
}

/**
 * @param {string} title
 * @param {string[]} args of Node
 */
function passes(title, args) {
  return succeeds(() =>
    step(title, async () => {
      const { code, output } = await run(process.execPath, args, { cwd: root })
      if (code !== 0) throw new Problem(`${title} failed.`, { output })
    }),
  )
}

// What is required is not looked for here: the tests that need it fail and say so.
async function findMissing() {
  const reasons = []
  let isKafka = false
  if (kafkaMode() === 'off') reasons.push('tests on a real Kafka broker. ZILLA_TEST_KAFKA is off.')
  else if (kafkaMode() === 'auto' && !process.env.ZILLA_TEST_KAFKA_BOOTSTRAP) {
    try {
      await findKafka({ step })
    } catch (error) {
      if (!(error instanceof KafkaUnavailable)) throw error
      isKafka = true
      reasons.push(`tests on a real Kafka broker. ${error.message}`)
    }
  }
  if (clientsMode() === 'auto') {
    const advice = 'scripts/install-test-tools.sh installs it.'
    if (!hasMosquitto()) reasons.push(`tests with mosquitto_pub and mosquitto_sub: not on the PATH. ${advice}`)
    if (!chromium()) reasons.push(`tests with a page in Chromium: it is not on the PATH. ${advice}`)
    if (!pahoPython()) reasons.push(`tests with Paho: there is no Python with paho-mqtt 2. ${advice}`)
  }
  return { isKafka, reasons }
}

/**
 * @param {string[]} args
 * @param {boolean} isKafkaMissing
 */
async function runTests(args, isKafkaMissing) {
  const dir = mkdtempSync(join(tmpdir(), 'zilla-test-'))
  const report = join(dir, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const env = isKafkaMissing ? { ...process.env, ZILLA_TEST_KAFKA: 'off' } : process.env
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], { cwd: root, env, stdio: 'inherit' })
    // vitest stops its workers and the broker on these; we stay to report what it found.
    process.on('SIGINT', () => {})
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve))
    return { counts: countsOf(report), succeeded: code === 0 }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

// A file that fails before its first test (an import, a set-up) counts as one failed test.
/** @param {string} report */
function countsOf(report) {
  /** @type {{ status: string, assertionResults: { status: string }[] }[]} */
  let files
  try {
    files = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { status: fileStatus, assertionResults } of files) {
    for (const { status } of assertionResults) {
      if (status === 'passed') counts.passed++
      else if (status === 'failed') counts.failed++
      else counts.skipped++
    }
    if (fileStatus === 'failed' && !assertionResults.some(({ status }) => status === 'failed')) counts.failed++
  }
  return counts
}
