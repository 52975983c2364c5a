// What tests may ask of the machine: a real Kafka broker, and MQTT clients that are not ours. Imported by test files:
//   const bootstrap = await kafkaBootstrap()
//   describe.skipIf(!bootstrap)('on a real broker', …)
// A suite that stops or kills its broker runs its own with startBroker (kafka-broker.mjs).
// Must never skip in silence what ZILLA_TEST_KAFKA or ZILLA_TEST_CLIENTS requires: then it throws.

import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Problem } from './progress.mjs'
import { cacheDir } from './stamp.mjs'

const answerDeadlineMs = 5 * 60_000
const advice = 'scripts/install-test-tools.sh installs it'

/** How tests treat Kafka: `auto` skips what cannot run here, `required` fails instead, `off` starts no broker. */
export const kafkaMode = () => mode('ZILLA_TEST_KAFKA', ['auto', 'required', 'off'])

/** How tests treat the clients: `auto` skips what cannot run here, `required` fails instead. */
export const clientsMode = () => mode('ZILLA_TEST_CLIENTS', ['auto', 'required'])

/**
 * The broker shared by this run of the tests, started by the first who asks; undefined where there is to be none.
 * Others use it at the same time: use topics and groups with names of your own.
 * @returns {Promise<string | undefined>} `host:port`
 */
export async function kafkaBootstrap() {
  if (process.env.ZILLA_TEST_KAFKA_BOOTSTRAP) return process.env.ZILLA_TEST_KAFKA_BOOTSTRAP
  const service = process.env.ZILLA_TEST_KAFKA_SERVICE
  if (kafkaMode() === 'off' || !service) return undefined
  const response = await fetch(service, { signal: AbortSignal.timeout(answerDeadlineMs) })
  /** @type {{ bootstrap?: string, missing?: string, failure?: string }} */
  const { bootstrap, missing, failure } = JSON.parse(await response.text())
  const reason = failure ?? (kafkaMode() === 'required' ? missing : undefined)
  if (reason) throw new Problem(reason)
  return bootstrap
}

/** Whether mosquitto_pub and mosquitto_sub are on the PATH. */
export function hasMosquitto() {
  const found = ['mosquitto_pub', 'mosquitto_sub'].every(isOnPath)
  if (!found && clientsMode() === 'required')
    throw new Problem(`mosquitto_pub and mosquitto_sub are missing: ${advice}.`)
  return found
}

/** Path of the Chromium (or Chrome) that is on the PATH; undefined if there is none. */
export function chromium() {
  const found = ['chromium', 'chromium-browser', 'google-chrome'].map(pathOf).find((path) => path !== undefined)
  if (found === undefined && clientsMode() === 'required') throw new Problem(`chromium is missing: ${advice}.`)
  return found
}

/** The Python that has paho-mqtt 2; undefined if there is none. */
export function pahoPython() {
  const python = join(cacheDir, 'paho', 'bin', 'python')
  const check = 'import paho.mqtt, sys; sys.exit(not paho.mqtt.__version__.startswith("2."))'
  if (spawnSync(python, ['-c', check], { stdio: 'ignore' }).status === 0) return python
  if (clientsMode() === 'required') throw new Problem(`Python with paho-mqtt 2 is missing: ${advice}.`)
  return undefined
}

/**
 * @param {string} name
 * @param {string[]} modes the first is the default
 */
function mode(name, modes) {
  const value = process.env[name] || modes[0] || ''
  if (!modes.includes(value)) throw new Problem(`${name} is '${value}', not one of ${modes.join(', ')}.`)
  return value
}

/** @param {string} command */
const isOnPath = (command) => pathOf(command) !== undefined

/** @param {string} command */
function pathOf(command) {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, command))
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
