/**
 * Reads the headers of a message record into a `Message`. Called for records that have a subscriber, once each; accepts
 * what any Kafka program may have written and never throws.
 */
import { HeaderCursor } from '@zilla-ts/kafka'
import { isMqttString, isTopicName, Message, type Properties, type Qos } from '@zilla-ts/mqtt'
import {
  CONTENT_TYPE,
  CORRELATION_ID,
  ESCAPED_PREFIX,
  EXPIRY,
  FILTER,
  FORMAT,
  FORMAT_BINARY,
  FORMAT_TEXT,
  LOCAL,
  QOS,
  REPLY_KEY,
  REPLY_TO,
  RESERVED_PREFIX,
} from './header-names.ts'

const ASCII_0 = 0x30
/** Binary Data has a two-byte length (MQTT 5.0 §1.5.6). */
const BINARY_MAX = 65_535

const NAMES = {
  reserved: Buffer.from(RESERVED_PREFIX),
  escaped: Buffer.from(ESCAPED_PREFIX),
  filter: Buffer.from(FILTER),
  local: Buffer.from(LOCAL),
  expiry: Buffer.from(EXPIRY),
  contentType: Buffer.from(CONTENT_TYPE),
  format: Buffer.from(FORMAT),
  replyTo: Buffer.from(REPLY_TO),
  replyKey: Buffer.from(REPLY_KEY),
  correlationId: Buffer.from(CORRELATION_ID),
  qos: Buffer.from(QOS),
}
const BINARY = Buffer.from(FORMAT_BINARY)
const TEXT = Buffer.from(FORMAT_TEXT)

/** The part of a record that headers are read from. */
export interface HeaderBytes {
  readonly headers: Buffer
  readonly headerCount: number
  /** epoch ms; −1 none */
  readonly timestamp: number
}

export class MessageHeaders {
  readonly #foreignQos: Qos
  readonly #cursor = new HeaderCursor()
  #qos: Qos = 0
  #expirySeconds = -1
  #replyTo: string | null = null
  #userProperties: (readonly [string, string])[] | null = null
  #properties: Properties | null = null

  constructor(foreignQos: Qos) {
    this.#foreignQos = foreignQos
  }

  /** QoS of the publish that the last `decode` read. */
  get qos(): Qos {
    return this.#qos
  }

  /**
   * The message of a record; `payload` is borrowed until the end of the turn, unless `owned`. `now` is epoch ms.
   * `foreignQos`: of a record that does not say it.
   */
  decode(
    topic: string,
    payload: Buffer,
    record: HeaderBytes,
    now: number,
    owned: boolean,
    foreignQos = this.#foreignQos,
  ): Message {
    this.#qos = foreignQos
    this.#expirySeconds = -1
    this.#replyTo = null
    this.#userProperties = null
    this.#properties = null
    const cursor = this.#cursor
    cursor.reset(record.headers, record.headerCount)
    while (cursor.next()) {
      if (cursor.nameStartsWith(NAMES.reserved)) this.#readReserved(cursor)
      else this.#readUserProperty(cursor, 0)
    }
    const userProperties: (readonly [string, string])[] | null = this.#userProperties
    if (userProperties !== null) this.#own().userProperties = userProperties
    this.#defaultReply()
    return new Message(topic, payload, this.#properties, this.#expiresAt(record.timestamp, now), !owned)
  }

  /** The client id in a record's `zilla:local`; null when there is none. */
  local(record: HeaderBytes): string | null {
    const cursor = this.#cursor
    cursor.reset(record.headers, record.headerCount)
    while (cursor.next()) {
      if (cursor.nameIs(NAMES.local)) return cursor.valueText()
    }
    return null
  }

  #readReserved(cursor: HeaderCursor): void {
    if (cursor.nameIs(NAMES.filter) || cursor.nameIs(NAMES.local)) return
    if (cursor.nameIs(NAMES.qos)) this.#readQos(cursor)
    else if (cursor.nameIs(NAMES.expiry)) this.#readExpiry(cursor)
    else if (cursor.nameIs(NAMES.contentType)) this.#readContentType(cursor)
    else if (cursor.nameIs(NAMES.format)) this.#readFormat(cursor)
    else if (cursor.nameIs(NAMES.replyKey)) this.#readReplyKey(cursor)
    else if (cursor.nameIs(NAMES.replyTo)) this.#replyTo = cursor.valueText()
    else if (cursor.nameIs(NAMES.correlationId)) this.#readCorrelation(cursor)
    else if (cursor.nameStartsWith(NAMES.escaped)) this.#readUserProperty(cursor, ESCAPED_PREFIX.length)
  }

  #own(): Properties {
    this.#properties ??= {}
    return this.#properties
  }

  #readQos(cursor: HeaderCursor): void {
    const qos = cursor.valueLength === 1 ? cursor.bytes[cursor.valueStart]! - ASCII_0 : -1
    if (qos === 0 || qos === 1 || qos === 2) this.#qos = qos
  }

  #readExpiry(cursor: HeaderCursor): void {
    if (cursor.valueLength === 4) this.#expirySeconds = cursor.bytes.readUInt32BE(cursor.valueStart)
  }

  #readContentType(cursor: HeaderCursor): void {
    const text = cursor.valueText()
    if (isMqttString(text)) this.#own().contentType = text
  }

  #readFormat(cursor: HeaderCursor): void {
    if (cursor.valueIs(TEXT)) this.#own().payloadFormat = 1
    else if (cursor.valueIs(BINARY)) this.#own().payloadFormat = 0
  }

  #readReplyKey(cursor: HeaderCursor): void {
    const topic = cursor.valueText()
    // [MQTT-3.3.2-14] no wildcards in a Response Topic
    if (isTopicName(topic)) this.#own().responseTopic = topic
  }

  #readCorrelation(cursor: HeaderCursor): void {
    const value = cursor.value()
    if (value !== null && value.length <= BINARY_MAX) this.#own().correlationData = Buffer.from(value)
  }

  #readUserProperty(cursor: HeaderCursor, prefixLength: number): void {
    const name = cursor.name().slice(prefixLength)
    const value = cursor.valueText()
    if (!isMqttString(name) || !isMqttString(value)) return
    this.#userProperties ??= []
    this.#userProperties.push([name, value])
  }

  /** Writers without `zilla:reply-key` mean the topic itself. */
  #defaultReply(): void {
    const replyTo: string | null = this.#replyTo
    if (replyTo === null || this.#properties?.responseTopic !== undefined) return
    if (isTopicName(replyTo)) this.#own().responseTopic = replyTo
  }

  /** A producer's clock ahead of ours must not make a message live longer than it asked for. */
  #expiresAt(timestamp: number, now: number): number {
    if (this.#expirySeconds < 0) return Number.POSITIVE_INFINITY
    const published = timestamp < 0 ? now : Math.min(timestamp, now)
    return published + this.#expirySeconds * 1000
  }
}
