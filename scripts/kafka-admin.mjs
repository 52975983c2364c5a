// The two requests of the Kafka protocol a fresh broker needs: create topics, and see that they have leaders.
// Called by kafka-broker.mjs, also before dependencies are installed; a JVM for each topic would take seconds.
// Must never be used for more: it speaks plaintext to one broker, in the last versions before flexible encoding.

import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from './progress.mjs'

const createTopicsApi = { key: 19, version: 4 }
const metadataApi = { key: 3, version: 4 }
const topicAlreadyExists = 36
const deadlineMs = 30_000

/**
 * @typedef {object} TopicSpec
 * @property {string} name
 * @property {number} [partitions] 1 if absent
 * @property {Record<string, string | number>} [configs] Kafka's topic settings, such as `cleanup.policy`
 */

/**
 * Creates topics on the broker at `127.0.0.1:port` and resolves once every partition of them has a leader.
 * @param {number} port
 * @param {TopicSpec[]} topics
 * @param {{ keepExisting?: boolean }} [options] without `keepExisting` a topic that exists is an error
 */
export async function createTopics(port, topics, { keepExisting = false } = {}) {
  if (topics.length === 0) return
  const reply = await request(port, createTopicsApi, [
    array(topics, ({ name, partitions = 1, configs = {} }) => [
      string(name),
      int32(partitions),
      int16(1),
      array([], () => []),
      array(Object.entries(configs), ([key, value]) => [string(key), string(String(value))]),
    ]),
    int32(deadlineMs),
    boolean(false),
  ])
  reply.int32()
  const refused = reply
    .array(() => ({ name: reply.string(), code: reply.int16(), message: reply.string() }))
    .filter(({ code }) => code !== 0 && !(keepExisting && code === topicAlreadyExists))
  if (refused.length > 0) {
    const reasons = refused.map(({ name, code, message }) => `${name}: ${message ?? `error ${code}`}`)
    throw new Problem(`Kafka refused to create topics:\n  ${reasons.join('\n  ')}`)
  }
  await leadersOf(port, topics)
}

// The controller answers when the topics are committed; the broker learns of them a moment later.
/**
 * @param {number} port
 * @param {TopicSpec[]} topics
 */
async function leadersOf(port, topics) {
  const deadline = Date.now() + deadlineMs
  while (!(await haveLeaders(port, topics))) {
    if (Date.now() > deadline) throw new Problem('The topics were created, but their partitions got no leader.')
    await delay(20)
  }
}

/**
 * @param {number} port
 * @param {TopicSpec[]} topics
 */
async function haveLeaders(port, topics) {
  const reply = await request(port, metadataApi, [array(topics, ({ name }) => [string(name)]), boolean(false)])
  reply.int32()
  reply.array(() => [reply.int32(), reply.string(), reply.int32(), reply.string()])
  reply.string()
  reply.int32()
  const found = reply.array(() => {
    const code = reply.int16()
    reply.string()
    reply.boolean()
    const partitions = reply.array(() => {
      const partition = { code: reply.int16(), index: reply.int32(), leader: reply.int32() }
      reply.array(() => reply.int32())
      reply.array(() => reply.int32())
      return partition
    })
    return code === 0 && partitions.length > 0 && partitions.every((p) => p.code === 0 && p.leader >= 0)
  })
  return found.every(Boolean)
}

/**
 * One request on a connection of its own.
 * @param {number} port
 * @param {{ key: number, version: number }} api
 * @param {Buffer[]} body
 * @returns {Promise<Reply>}
 */
function request(port, api, body) {
  return new Promise((resolve, reject) => {
    const correlationId = 1
    const frame = Buffer.concat([int16(api.key), int16(api.version), int32(correlationId), string('zilla-ts'), ...body])
    let received = Buffer.alloc(0)
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(deadlineMs, () => socket.destroy(new Problem(`Kafka did not answer within ${deadlineMs} ms.`)))
    socket.on('connect', () => socket.write(Buffer.concat([int32(frame.length), frame])))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      socket.destroy()
      resolve(new Reply(received.subarray(8)))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Problem('Kafka closed the connection without an answer.')))
  })
}

/** Reads the body of a reply, field by field. */
class Reply {
  #bytes
  #position = 0

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.#bytes = bytes
  }

  boolean() {
    return this.#bytes.readInt8(this.#advance(1)) !== 0
  }

  int16() {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  int32() {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  string() {
    const length = this.int16()
    if (length < 0) return undefined
    const start = this.#advance(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  /**
   * @template T
   * @param {() => T} element
   * @returns {T[]}
   */
  array(element) {
    return Array.from({ length: Math.max(0, this.int32()) }, element)
  }

  /** @param {number} length */
  #advance(length) {
    const start = this.#position
    this.#position += length
    return start
  }
}

const boolean = (/** @type {boolean} */ value) => Buffer.of(value ? 1 : 0)

const int16 = (/** @type {number} */ value) => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (/** @type {number} */ value) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const string = (/** @type {string} */ value) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])

/**
 * @template T
 * @param {T[]} elements
 * @param {(element: T) => Buffer[]} encode
 */
function array(elements, encode) {
  return Buffer.concat([int32(elements.length), ...elements.flatMap(encode)])
}
