/**
 * Decodes PUBLISH (§3.3), the packet whose cost counts, with what it needs to remember of a connection: topic aliases and the
 * last few topic names. Called by the decoder; must allocate no more than the meta object and what properties need.
 */
import type { PublishMeta, Qos } from '../stream.ts'
import { hasWildcard, withinLevels } from '../topic.ts'
import type { Role } from './packet-decoder.ts'
import type { Properties } from './properties.ts'
import { decodeProperties } from './property-decoder.ts'
import { Carrier } from './property-table.ts'
import type { Reader } from './reader.ts'
import { ReasonCode } from './reason-codes.ts'
import { TopicCache } from './topic-cache.ts'

export class PublishDecoder {
  topicAliasMaximum = 0

  readonly #role: Role
  readonly #topics = new TopicCache()
  /** topic names by alias, for this connection only [MQTT-3.3.2-7] */
  #aliases: string[] = []

  constructor(role: Role) {
    this.#role = role
  }

  /** Reads up to the payload: `reader.at` is where it starts. */
  decode(reader: Reader, first: number): PublishMeta {
    const nameLength = reader.u16('topic name')
    const start = reader.at
    const end = start + nameLength
    if (end > reader.end) reader.malformed('topic name ends beyond the packet', '§2.1.4')
    reader.at = end
    let topic = this.#topics.find(reader.buffer, start, end) ?? this.#decodeName(reader, start, end)
    const qos = ((first >> 1) & 3) as Qos
    const packetId = qos === 0 ? 0 : reader.packetId()
    let properties: Properties | null = null
    if (reader.version === 5) {
      properties = decodeProperties(reader, Carrier.PUBLISH)
      if (properties?.subscriptionIds !== undefined && this.#role === 'server') {
        reader.protocolError('subscription identifier from a client', '[MQTT-3.3.4-6]')
      }
      topic = this.#resolveAlias(reader, topic)
    }
    return { topic, qos, retain: (first & 1) === 1, properties, packetId, dup: (first & 8) !== 0 }
  }

  close(): void {
    this.#aliases = []
  }

  #decodeName(reader: Reader, start: number, end: number): string {
    if (start === end && reader.version === 5) return ''
    const { topicBytes, topicLevels } = reader.limits
    if (end - start > topicBytes) this.#refuseName(reader, `has more than ${topicBytes} bytes`, '§4.7.3')
    const name = reader.utf8(start, end, 'topic name')
    if (name === '') this.#refuseName(reader, 'is empty', '[MQTT-4.7.3-1]')
    if (hasWildcard(name)) this.#refuseName(reader, 'has a wildcard', '[MQTT-3.3.2-2]')
    if (!withinLevels(name, topicLevels)) this.#refuseName(reader, `has more than ${topicLevels} levels`, '§4.7.3')
    this.#topics.keep(name, end - start)
    return name
  }

  #refuseName(reader: Reader, problem: string, clause: string): never {
    return reader.fail(ReasonCode.TopicNameInvalid, `topic name ${problem}`, clause)
  }

  #resolveAlias(reader: Reader, topic: string): string {
    const alias = reader.topicAlias
    if (alias === 0) {
      if (topic === '') reader.protocolError('neither topic name nor topic alias', '§3.3.2.1')
      return topic
    }
    if (alias > this.topicAliasMaximum) {
      const problem = `topic alias ${alias} is above ${this.topicAliasMaximum}`
      reader.fail(ReasonCode.TopicAliasInvalid, problem, '[MQTT-3.3.2-9] [MQTT-3.3.2-11]')
    }
    if (topic !== '') {
      this.#aliases[alias] = topic
      return topic
    }
    return this.#aliases[alias] ?? reader.protocolError(`topic alias ${alias} stands for nothing`, '§3.3.2.3.4')
  }
}
