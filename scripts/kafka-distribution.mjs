// Finds what is needed to run Apache Kafka: Java, and Kafka's jars, fetched once from Maven Central into .cache/kafka.
// Called by kafka-broker.mjs and by `npm run setup -- --test`. A Kafka unpacked elsewhere serves as well (KAFKA_HOME).
// Must never leave a half-fetched directory that looks complete: the jars appear under their name by one rename.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lock.mjs'
import { Problem, run, silently } from './progress.mjs'

/** The version fetched from Maven Central. */
export const kafkaVersion = '4.3.1'

const copyGoal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
const javaMajorMin = 17
const cacheDir = fileURLToPath(new URL('../.cache/kafka/', import.meta.url))

/** Something Kafka needs is not on this machine: tests may skip on it, unlike on a broker that fails. */
export class KafkaUnavailable extends Problem {}

/**
 * @typedef {object} Kafka what it takes to run a class of Kafka
 * @property {string} java the command
 * @property {string} classpath
 * @property {string} version
 */

/**
 * Java and Kafka's jars, fetching the latter if need be. Throws KafkaUnavailable when something is missing.
 * @param {{ kafkaHome?: string, step?: typeof silently }} [options]
 * @returns {Promise<Kafka>}
 */
export async function findKafka({ kafkaHome = process.env.KAFKA_HOME, step = silently } = {}) {
  if (process.platform === 'win32')
    throw new KafkaUnavailable('Kafka runs here on Linux and macOS; on Windows use WSL.')
  const java = await findJava()
  if (kafkaHome) return { java, ...distribution(kafkaHome) }
  const dir = join(cacheDir, kafkaVersion)
  if (!isComplete(dir)) await withLock(`${dir}.lock`, () => fetchJars(dir, step))
  return { java, classpath: join(dir, 'lib', '*'), version: kafkaVersion }
}

async function findJava() {
  const home = process.env.JAVA_HOME
  const java = home ? join(home, 'bin', 'java') : 'java'
  const where = home ? `in JAVA_HOME (${home})` : 'on the PATH'
  const needed = `Java ${javaMajorMin} or newer is needed to run Kafka`
  const { code, output } = await run(java, ['-version']).catch(() => ({ code: 127, output: '' }))
  const version = /version "((?:1\.)?(\d+)[^"]*)"/.exec(output)
  if (code !== 0 || !version) throw new KafkaUnavailable(`${needed}; there is none ${where}.`)
  if (Number(version[2]) < javaMajorMin) throw new KafkaUnavailable(`${needed}; the one ${where} is ${version[1]}.`)
  return java
}

/** @param {string} home */
function distribution(home) {
  const libs = join(home, 'libs')
  const jars = existsSync(libs) ? readdirSync(libs) : []
  const version = jars.map((jar) => /^kafka_2\.\d+-((\d+)\.(\d+)\.[\d.]+)\.jar$/.exec(jar)).find(Boolean)
  if (!version) throw new KafkaUnavailable(`${home} (KAFKA_HOME) is no Kafka: it has no libs/kafka_2.13-<version>.jar.`)
  if (Number(version[2]) * 100 + Number(version[3]) < 401) {
    throw new KafkaUnavailable(`Kafka 4.1 or newer is needed; the one in ${home} (KAFKA_HOME) is ${version[1]}.`)
  }
  return { classpath: join(libs, '*'), version: /** @type {string} */ (version[1]) }
}

// The pom that the jars were made from is the stamp: a change of it fetches them anew.
/** @param {string} dir */
function isComplete(dir) {
  const stamp = join(dir, 'pom.xml')
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === pom()
}

/**
 * @param {string} dir
 * @param {typeof silently} step
 */
async function fetchJars(dir, step) {
  if (isComplete(dir)) return
  const partial = `${dir}.${process.pid}.partial`
  mkdirSync(partial, { recursive: true })
  writeFileSync(join(partial, 'pom.xml'), pom())
  try {
    await step(`Fetching Apache Kafka ${kafkaVersion} with Maven (45 MB, once)`, () => copyDependencies(partial))
    rmSync(dir, { recursive: true, force: true })
    renameSync(partial, dir)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

/** @param {string} dir */
async function copyDependencies(dir) {
  const alternative = 'or unpack a Kafka 4.1 or newer yourself and set KAFKA_HOME to its directory'
  const args = ['-B', '-q', '-Dstyle.color=never', '-f', join(dir, 'pom.xml'), copyGoal]
  const { code, output } = await run('mvn', [...args, `-DoutputDirectory=${join(dir, 'lib')}`]).catch((cause) => {
    throw new KafkaUnavailable(
      `Maven is needed to fetch Kafka; there is no mvn on the PATH. Install it, ${alternative}.`,
      {
        cause,
      },
    )
  })
  if (code === 0) return
  const advice = `Maven could not fetch Kafka. Check the network and Maven's settings (proxy, mirror), ${alternative}.`
  throw new KafkaUnavailable(advice, { output })
}

// kafka-tools brings the console consumer; what it needs of Kafka Connect (another 40 jars) is left out.
function pom() {
  const dependency = (/** @type {string} */ group, /** @type {string} */ artifact, version = kafkaVersion, rest = '') =>
    `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${rest}</dependency>`
  const without = ['connect-api', 'connect-json', 'connect-runtime'].map(
    (artifact) => `<exclusion><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId></exclusion>`,
  )
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>zilla-ts</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
${dependency('org.apache.kafka', 'kafka_2.13')}
${dependency('org.apache.kafka', 'kafka-tools', kafkaVersion, `<exclusions>${without.join('')}</exclusions>`)}
${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.4')}
  </dependencies>
</project>
`
}
