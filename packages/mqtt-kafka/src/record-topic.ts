/**
 * The MQTT topic of records whose key alone does not say it: routes write keys of their own, and the records of other
 * programs may be named by a template. Asked per record of such Kafka topics only.
 */
import { isUtf8 } from 'node:buffer'
import { HeaderCursor, type KafkaRecord } from '@zilla-ts/kafka'
import { FILTER, LOCAL, TOPIC } from './header-names.ts'
import type { Template } from './template.ts'

const NAMES = { topic: Buffer.from(TOPIC), filter: Buffer.from(FILTER), local: Buffer.from(LOCAL) }
const HEADERS = 'headers.'

/** Names that placeholders of a template for records may have, and how messages list them. */
export const RECORD_NAMES = /^(key|partition|headers\..+)$/
export const RECORD_NAMES_TEXT = '${key}, ${partition} and ${headers.x} are'

type Named = Pick<KafkaRecord, 'key' | 'partition' | 'headers' | 'headerCount'>

export class RecordTopic {
  /** of records of other programs; null: their keys */
  readonly #template: Template | null
  readonly #cursor = new HeaderCursor()
  #foreign = false
  #problem = ''

  constructor(template: Template | null) {
    this.#template = template
  }

  /** The record last asked for has none of the headers that all records of the mapping have. */
  get foreign(): boolean {
    return this.#foreign
  }

  /** Why the record last asked for has no topic. */
  get problem(): string {
    return this.#problem
  }

  /** Bytes that should be a topic name; null: there are none. */
  of(record: Named): Buffer | null {
    this.#problem = 'its key is no MQTT topic name'
    const cursor = this.#cursor
    cursor.reset(record.headers, record.headerCount)
    this.#foreign = false
    while (cursor.next()) {
      if (cursor.nameIs(NAMES.topic)) return cursor.value()
      if (cursor.nameIs(NAMES.filter) || cursor.nameIs(NAMES.local)) return record.key
    }
    this.#foreign = true
    return this.#template === null ? record.key : this.#fill(this.#template, record)
  }

  #fill(template: Template, record: Named): Buffer | null {
    this.#problem = `what '${template.text}' makes of it is no MQTT topic name`
    const filled = template.fill((name) => {
      const value = this.#valueOf(name, record)
      if (value === null) this.#problem = `it has no text for \${${name}} of '${template.text}'`
      return value
    })
    return filled === null ? null : Buffer.from(filled)
  }

  #valueOf(name: string, record: Named): string | null {
    if (name === 'key') return textOf(record.key)
    return name === 'partition' ? String(record.partition) : this.#header(name.slice(HEADERS.length), record)
  }

  /** The last of its name, as Kafka's own clients have it. */
  #header(name: string, { headers, headerCount }: Named): string | null {
    const cursor = this.#cursor
    let found: Buffer | null = null
    cursor.reset(headers, headerCount)
    while (cursor.next()) if (cursor.name() === name) found = cursor.value()
    return textOf(found)
  }
}

function textOf(bytes: Buffer | null): string | null {
  return bytes !== null && isUtf8(bytes) ? bytes.toString() : null
}
