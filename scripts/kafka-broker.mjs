// Runs one real Apache Kafka broker (KRaft, one node) as a child of this process.
// Called by `npm run kafka`, by the global set-up of the tests, and by suites and benchmarks that stop or kill a broker.
// Must never leave a JVM behind: see watchdog.mjs.

import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createTopics } from './kafka-admin.mjs'
import { findKafka } from './kafka-distribution.mjs'
import { formatArgs, makeKeys, secureListeners, securityConfigs } from './kafka-security.mjs'
import { Problem, run, silently } from './progress.mjs'
import { spawnWatched } from './watchdog.mjs'

/** @typedef {import('./kafka-admin.mjs').TopicSpec} TopicSpec */
/** @typedef {import('./kafka-distribution.mjs').Kafka} Kafka */
/** @typedef {import('./kafka-security.mjs').Security} Security */

/**
 * @typedef {object} BrokerOptions
 * @property {number} [port] of the plaintext listener, those of secure ones follow it; 0 or absent: free ones
 * @property {string} [dir] where data, configuration and log are kept; absent: a directory removed by `stop`
 * @property {TopicSpec[]} [topics] created unless they exist
 * @property {Record<string, string | number | boolean>} [configs] on top of our server.properties
 * @property {Record<string, string>} [listeners] further ones, name to protocol, as in `{ TLS: 'SSL' }`; see `ports`
 * @property {Security} [secure] listeners with TLS and SASL beside the plain one (`secureListeners`), and ACLs
 * @property {string[]} [formatArgs] for the storage tool, such as `--add-scram …`
 * @property {string} [kafkaHome] an unpacked Kafka, instead of the jars from Maven Central
 * @property {typeof silently} [step] shows progress
 */

const startDeadlineMs = 60_000
const stopDeadlineMs = 20_000
const attemptsMax = 3
const jvmArgs = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/**
 * Starts a broker and resolves when it serves clients. The caller owns it and must `stop` it.
 * @param {BrokerOptions} [options]
 */
export async function startBroker(options = {}) {
  const { step = silently } = options
  const kafka = await findKafka(options)
  const broker = new Broker(kafka, options)
  try {
    await step(`Starting Kafka ${kafka.version}`, () => broker.start())
  } catch (error) {
    await broker.stop()
    throw error
  }
  return broker
}

class Broker {
  #kafka
  #options
  #isThrowAway
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child
  /** @type {Promise<unknown>} */
  #exited = Promise.resolve()
  /** Of every listener, by name. Constant from the first start on. @type {Record<string, number>} */
  ports = {}

  /**
   * @param {Kafka} kafka
   * @param {BrokerOptions} options
   */
  constructor(kafka, options) {
    this.#kafka = kafka
    this.#options = options
    this.#isThrowAway = options.dir === undefined
    this.dir = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'zilla-kafka-')) : resolve(options.dir)
    this.logFile = join(this.dir, 'broker.log')
    mkdirSync(this.dir, { recursive: true })
  }

  /** Of the plaintext listener. */
  get port() {
    return /** @type {number} */ (this.ports['PLAINTEXT'])
  }

  /** What a client is given: `localhost:<port>`. */
  get bootstrap() {
    return `localhost:${this.port}`
  }

  /** Of the JVM; undefined while the broker is down. */
  get pid() {
    return this.#child?.pid
  }

  /** Settles when the JVM now running has ended, for whatever reason. */
  get exited() {
    return this.#exited
  }

  /** Starts the broker; used once, by startBroker. */
  async start() {
    if (this.#options.secure) await makeKeys(this.#kafka.java, this.dir)
    for (let attempt = 1; ; attempt++) {
      this.ports = await choosePorts(this.#options)
      try {
        await this.#launch()
        break
      } catch (error) {
        // A port that was free when we looked may be taken by the time Java binds it.
        const isRace = this.#log().includes('Address already in use')
        if (!isRace || this.#options.port || attempt === attemptsMax) throw error
      }
    }
    await createTopics(this.port, this.#options.topics ?? [], { keepExisting: true })
  }

  /** Stops cleanly (SIGTERM; SIGKILL after 20 s) and removes a throw-away directory. Safe to call twice. */
  async stop() {
    await this.#terminate()
    if (this.#isThrowAway) rmSync(this.dir, { recursive: true, force: true })
  }

  /** Ends the JVM at once, as a crash would; the data stays, for `restart`. */
  async kill() {
    this.#child?.kill('SIGKILL')
    await this.#exited
  }

  /** Stops cleanly if running, and starts again with the same ports and data. */
  async restart() {
    await this.#terminate()
    await this.#launch()
  }

  /**
   * Resolves when every partition has a leader. A topic that exists is an error.
   * @param {TopicSpec[]} topics
   */
  createTopics(topics) {
    return createTopics(this.port, topics)
  }

  async #launch() {
    const controllerPort = await freePort()
    const file = (/** @type {string} */ name) => join(this.dir, name)
    writeFileSync(file('server.properties'), serverProperties(this.#options, this.dir, this.ports, controllerPort))
    writeFileSync(file('log4j2.properties'), log4j2Properties)
    if (!existsSync(join(this.dir, 'data', 'meta.properties'))) await this.#format()

    const log = openSync(this.logFile, 'w')
    try {
      const command = [this.#kafka.java, ...this.#javaArgs(), 'kafka.Kafka', file('server.properties')]
      this.#watch(spawnWatched(command, log, this.#isThrowAway ? this.dir : ''))
    } finally {
      closeSync(log)
    }
    await this.#ready()
  }

  /** @param {import('node:child_process').ChildProcess} child */
  #watch(child) {
    this.#child = child
    this.#exited = once(child, 'exit').then(
      () => {
        if (this.#child === child) this.#child = undefined
      },
      (cause) => {
        throw new Problem(`Kafka could not be started: ${cause.message}`, { cause })
      },
    )
    // Waited for by #ready and stop; a rejection before that is no accident of the process.
    this.#exited.catch(() => {})
  }

  async #ready() {
    let isRunning = true
    const ended = this.#exited.finally(() => {
      isRunning = false
    })
    ended.catch(() => {})
    const deadline = Date.now() + startDeadlineMs
    while (!this.#log().includes('Kafka Server started')) {
      if (!isRunning) {
        await ended
        throw new Problem(`Kafka ended while starting. Its log ends with:\n${this.logTail()}`)
      }
      if (Date.now() > deadline) {
        await this.kill()
        throw new Problem(`Kafka was not ready within ${startDeadlineMs} ms. Its log ends with:\n${this.logTail()}`)
      }
      await delay(50)
    }
  }

  /** The last lines of the broker's log, for an error message. */
  logTail(linesMax = 40) {
    return this.#log().trimEnd().split('\n').slice(-linesMax).join('\n')
  }

  #log() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
  }

  async #format() {
    const clusterId = randomBytes(16).toString('base64url')
    const args = ['format', `--cluster-id=${clusterId}`, '--config', join(this.dir, 'server.properties')]
    const { secure, formatArgs: further = [] } = this.#options
    const users = secure ? formatArgs(secure) : []
    const { code, output } = await this.#run('kafka.tools.StorageTool', [...args, ...users, ...further])
    if (code !== 0) throw new Problem(`Kafka could not format ${this.dir}:\n${output}`)
  }

  /**
   * Gives a user another password for SCRAM (kafka-configs.sh); resolves when the broker has it.
   * @param {string} mechanism such as `SCRAM-SHA-512`
   * @param {string} user
   * @param {string} password
   */
  async setPassword(mechanism, user, password) {
    const { code, output } = await this.#run('kafka.admin.ConfigCommand', [
      ...['--bootstrap-server', this.bootstrap, '--alter', '--entity-type', 'users', '--entity-name', user],
      ...['--add-config', `${mechanism}=[password=${password}]`],
    ])
    if (code !== 0) throw new Problem(`Kafka did not change the password of ${user}.`, { output })
  }

  /**
   * Runs one of Kafka's own tools to its end.
   * @param {string} className
   * @param {string[]} args
   */
  #run(className, args) {
    return run(this.#kafka.java, [...this.#javaArgs(), className, ...args])
  }

  #javaArgs() {
    const log4j = `-Dlog4j2.configurationFile=${join(this.dir, 'log4j2.properties')}`
    return [...jvmArgs, log4j, '-cp', this.#kafka.classpath]
  }

  async #terminate() {
    const child = this.#child
    if (!child) return
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs)
    await this.#exited
    clearTimeout(killer)
  }
}

/** @param {BrokerOptions} options */
async function choosePorts({ port, listeners = {}, secure }) {
  const secureNames = secure ? Object.keys(secureListeners) : []
  /** @type {Record<string, number>} */
  const ports = {}
  // Those that people type come one after the other.
  for (const [at, name] of ['PLAINTEXT', ...secureNames].entries()) {
    const wanted = port ? port + at : await freePort()
    if (port && !(await isFree(wanted)))
      throw new Problem(`Port ${wanted} is in use. Give another with --port (0: any).`)
    ports[name] = wanted
  }
  for (const name of Object.keys(listeners)) ports[name] = await freePort()
  return ports
}

/** @param {BrokerOptions} options */
const furtherListeners = ({ listeners = {}, secure }) => ({ ...(secure && secureListeners), ...listeners })

// Below the range systems give to outgoing connections: while a broker is down, no connection can sit on its port.
async function freePort() {
  for (;;) {
    const port = randomInt(15_000, 30_000)
    if (await isFree(port)) return port
  }
}

/** @param {number} port */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * @param {BrokerOptions} options
 * @param {string} dir
 * @param {Record<string, number>} ports
 * @param {number} controllerPort
 */
function serverProperties({ listeners, secure, configs = {} }, dir, ports, controllerPort) {
  const all = Object.entries({ ...ports, CONTROLLER: controllerPort })
  const protocols = Object.entries({
    PLAINTEXT: 'PLAINTEXT',
    CONTROLLER: 'PLAINTEXT',
    ...furtherListeners({ listeners, secure }),
  })
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: all.map(([name, port]) => `${name}://127.0.0.1:${port}`).join(),
    'advertised.listeners': Object.entries(ports)
      .map(([name, port]) => `${name}://localhost:${port}`)
      .join(),
    'listener.security.protocol.map': protocols.map((pair) => pair.join(':')).join(),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(dir, 'data'),
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    // Kafka's own topics: one node, and few partitions, since each costs a start time and files.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 4,
    // A killed broker may register again only when its old session has expired: 9 s by default.
    'broker.session.timeout.ms': 4000,
    'broker.heartbeat.interval.ms': 1000,
    // Its default takes a quarter of our heap.
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
    ...(secure && securityConfigs(secure, dir)),
    ...configs,
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('')
}

// The dump of every setting is 1,000 lines at each start.
const log4j2Properties = `rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=WARN
`
