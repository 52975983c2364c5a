/**
 * Writes the headers of a message record: names, order and value bytes exactly as other Zilla engines write them. Called
 * per publish; allocates nothing beyond a view.
 */
import { encodeHeaderName, HeaderWriter } from '@zilla-ts/kafka'
import type { Properties, Qos } from '@zilla-ts/mqtt'
import {
  CONTENT_TYPE,
  CORRELATION_ID,
  ESCAPED_PREFIX,
  EXPIRY,
  FORMAT,
  FORMAT_BINARY,
  FORMAT_TEXT,
  LOCAL,
  QOS,
  REPLY_FILTER,
  REPLY_KEY,
  REPLY_TO,
  RESERVED_PREFIX,
  TOPIC,
} from './header-names.ts'
import type { RecordForm } from './record-shape.ts'
import type { TopicRecord } from './topic-records.ts'

const NAMES = {
  topic: encodeHeaderName(TOPIC),
  local: encodeHeaderName(LOCAL),
  expiry: encodeHeaderName(EXPIRY),
  contentType: encodeHeaderName(CONTENT_TYPE),
  format: encodeHeaderName(FORMAT),
  replyTo: encodeHeaderName(REPLY_TO),
  replyKey: encodeHeaderName(REPLY_KEY),
  replyFilter: encodeHeaderName(REPLY_FILTER),
  correlationId: encodeHeaderName(CORRELATION_ID),
  qos: encodeHeaderName(QOS),
}
const QOS_DIGITS = [Buffer.from('0'), Buffer.from('1'), Buffer.from('2')] as const
const FORMATS = [Buffer.from(FORMAT_BINARY), Buffer.from(FORMAT_TEXT)] as const

/** What the headers depend on beside the topic and its properties. */
export interface RecordOrigin {
  /** publishing client id, UTF-8; null on wills */
  readonly local: Buffer | null
  /** Kafka topic of the message, where replies go by default */
  readonly kafkaTopic: string
  /** write `zilla:expiry` */
  readonly expiry: boolean
  /** what the route says of its records; null: nothing */
  readonly form: RecordForm | null
}

export class RecordHeaders {
  readonly #writer = new HeaderWriter()
  readonly #seconds = Buffer.alloc(4)

  /** how many headers the last `encode` made */
  get count(): number {
    return this.#writer.count
  }

  /** Headers in wire form; a view that holds until the next call. */
  encode(
    record: TopicRecord,
    origin: RecordOrigin,
    qos: Qos,
    properties: Properties | null,
    payloadBytes: number,
  ): Buffer {
    const writer = this.#writer
    const { form } = origin
    writer.reset()
    if (form !== null && form.key !== null) writer.append(NAMES.topic, record.key)
    writer.appendEncoded(record.filters, record.filterCount)
    if (origin.local !== null) writer.append(NAMES.local, origin.local)
    if (form !== null) writer.appendEncoded(form.headers.buffer, form.headers.count)
    if (properties !== null) this.#appendProperties(properties, origin, payloadBytes)
    writer.append(NAMES.qos, QOS_DIGITS[qos])
    return writer.buffer
  }

  #appendProperties(properties: Properties, origin: RecordOrigin, payloadBytes: number): void {
    const writer = this.#writer
    if (properties.messageExpirySeconds !== undefined && origin.expiry) {
      this.#seconds.writeUInt32BE(properties.messageExpirySeconds)
      writer.append(NAMES.expiry, this.#seconds)
    }
    if (properties.contentType !== undefined) writer.appendText(NAMES.contentType, properties.contentType)
    if (properties.payloadFormat !== undefined && payloadBytes > 0) {
      writer.append(NAMES.format, FORMATS[properties.payloadFormat])
    }
    if (properties.responseTopic !== undefined) {
      writer.appendText(NAMES.replyTo, origin.kafkaTopic)
      writer.appendText(NAMES.replyKey, properties.responseTopic)
      // Unlike `zilla:filter`, existing writers keep a trailing empty level here.
      for (const level of properties.responseTopic.split('/')) writer.appendText(NAMES.replyFilter, level)
    }
    if (properties.correlationData !== undefined) writer.append(NAMES.correlationId, properties.correlationData)
    if (properties.userProperties === undefined) return
    for (const [name, value] of properties.userProperties) {
      const taken = name.startsWith(RESERVED_PREFIX) || origin.form?.names.has(name) === true
      const header = taken ? ESCAPED_PREFIX + name : name
      writer.appendText(encodeHeaderName(header), value)
    }
  }
}
