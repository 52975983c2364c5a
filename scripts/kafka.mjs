// `npm run kafka`: a real Kafka broker for trying things out, and a look into its topics.
// Needs Java and Maven (or an unpacked Kafka), no dependency of this repository.
// Must never be taken for a production set-up: one node, no secrets worth the name, 127.0.0.1 only.

import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBroker } from './kafka-broker.mjs'
import { findKafka } from './kafka-distribution.mjs'
import { defaultUsers, secureListeners, securityFiles, storePassword } from './kafka-security.mjs'
import { defaultTopics, parseTopics } from './kafka-topics.mjs'
import { endWithNpm } from './npm-parent.mjs'
import { main, Problem, step } from './progress.mjs'

const usage = `npm run kafka -- [options]                     starts Apache Kafka, until Ctrl-C
npm run kafka -- consume <topic> [options]     prints the records of a topic

start:
  --port N           where it listens on 127.0.0.1; 0: any free port            (default 9092)
  --dir DIR          keep the data in DIR, and use what is there                (default: thrown away)
  --keep             do not throw the data away; prints where it is
  --topics LIST      instead of the three topics for MQTT: name[:partitions][:compact], by commas
  --secure           on the ports that follow also SSL, MTLS (asks for a certificate), SASL_PLAINTEXT and SASL_SSL (PLAIN,
                     SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER with unsigned tokens), with ACLs and keys made by keytool;
                     prints ports, users and files
  --kafka-home DIR   use the Kafka unpacked there                               (default: KAFKA_HOME, else Maven Central)

consume: partition, offset, key, headers and value, from the beginning
  --bootstrap H:P    the broker                                                 (default localhost:9092)
  --tail             only what arrives from now on
  anything else      goes to Kafka's console consumer, as in --max-messages 10

Needs Java 17 or newer and, for the first start, Maven.
`

main(async () => {
  endWithNpm()
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) process.stdout.write(usage)
  else if (args[0] === 'consume') await consume(args.slice(1))
  else await serve(parseServeArgs(args))
})

/** @param {string[]} args */
function parseServeArgs(args) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string', default: '9092' },
        dir: { type: 'string' },
        keep: { type: 'boolean', default: false },
        topics: { type: 'string' },
        secure: { type: 'boolean', default: false },
        'kafka-home': { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new Problem(`${/** @type {Error} */ (error).message}\n\n${usage}`)
  }
}

/** @param {ReturnType<typeof parseServeArgs>} options */
async function serve({ port, dir, keep, topics, secure, 'kafka-home': kafkaHome }) {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new Problem(`--port ${port} is not a port (0 to 65535).`)
  const created = topics === undefined ? defaultTopics : parseTopics(topics)
  const keptDir = dir ?? (keep ? mkdtempSync(join(tmpdir(), 'zilla-kafka-')) : undefined)

  // Until the broker is up there is nothing to stop in order: its watchdog ends it when we are gone.
  const abandon = () => process.exit(130)
  process.on('SIGINT', abandon).on('SIGTERM', abandon)
  const security = secure ? { secure: {} } : {}
  const broker = await startBroker({ port: Number(port), dir: keptDir, topics: created, kafkaHome, step, ...security })
  process.off('SIGINT', abandon).off('SIGTERM', abandon)

  let isStopping = false
  const stop = () => {
    if (isStopping) return
    isStopping = true
    process.stdout.write('\n')
    main(() => step('Stopping Kafka', () => broker.stop()))
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  process.stdout.write(
    greeting(
      broker,
      created.map(({ name }) => name),
      keptDir !== undefined,
    ),
  )
  if (secure) process.stdout.write(securityGreeting(broker))

  await broker.exited
  if (isStopping) return
  const output = broker.logTail()
  await broker.stop()
  throw new Problem(`Kafka has ended by itself. Its log ends with:\n${output}`)
}

/**
 * @param {Awaited<ReturnType<typeof startBroker>>} broker
 * @param {string[]} topics
 * @param {boolean} isKept
 */
function greeting({ bootstrap, dir }, topics, isKept) {
  return `
Kafka listens at  ${bootstrap}
topics            ${topics.join(', ')}
data and log      ${dir}${isKept ? '' : ' (removed when Kafka stops)'}

MQTT on top of it, in another terminal:
  npm run setup
  KAFKA_BOOTSTRAP_SERVER=${bootstrap} ./packages/cli/bin/zilla-ts start -c examples/mqtt.kafka.broker/zilla.yaml
What is on a topic:
  npm run kafka -- consume ${topics[0] ?? '<topic>'} --bootstrap ${bootstrap}

Ctrl-C stops it.
`
}

/** @param {Awaited<ReturnType<typeof startBroker>>} broker */
function securityGreeting({ ports, dir }) {
  const files = securityFiles(dir)
  const listeners = Object.keys(secureListeners).map((name) => `${name.padEnd(16)}  localhost:${ports[name]}`)
  const users = Object.entries(defaultUsers).map(([name, password]) => `${name} / ${password}`)
  return `
${listeners.join('\n')}
users             ${users.join(', ')} (zilla may do everything, others what ACLs say)
issuer            ${files.issuer}
trusted by it     ${files.trust} (PKCS12, password ${storePassword})
client's key      ${files.client} (PKCS12, password ${storePassword}), for MTLS
`
}

/** @param {string[]} args */
async function consume(args) {
  const [topic, ...rest] = args
  if (!topic || topic.startsWith('-')) throw new Problem(`Which topic?\n\n${usage}`)
  const at = rest.indexOf('--bootstrap')
  const [, bootstrap = 'localhost:9092'] = at < 0 ? [] : rest.splice(at, 2)
  const tail = rest.indexOf('--tail')
  if (tail < 0) rest.push('--from-beginning')
  else rest.splice(tail, 1)

  const { java, classpath } = await findKafka({ step })
  const shown = ['partition', 'offset', 'key', 'headers'].flatMap((part) => [
    '--formatter-property',
    `print.${part}=true`,
  ])
  const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classpath]
  const consumer = [
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    '--bootstrap-server',
    bootstrap,
    '--topic',
    topic,
  ]
  const child = spawn(java, [...jvm, ...consumer, ...shown, ...rest], { stdio: 'inherit' })
  // Ctrl-C reaches the consumer itself; it counts its records and ends, and so do we.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill())
  await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve))
  process.exitCode = child.exitCode ?? 0
}
