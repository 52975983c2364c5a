/**
 * What a route says of the records of its publishes beyond the Kafka topic: key, headers of its own, and what decides the
 * partition. Filled in once per topic name of a client.
 */
import { type EncodedHeaders, encodeHeaders } from '@zilla-ts/kafka'
import type { MqttKafkaConfig } from './mqtt-kafka.config.ts'
import { Template } from './template.ts'

type With = NonNullable<MqttKafkaConfig['with']>

/** What placeholders of a route stand for; null: it has no value. */
export type LookUp = (name: string) => string | null

/** A shape with its values. */
export interface RecordForm {
  /** null: the MQTT topic */
  readonly key: Buffer | null
  /** what is hashed to choose the partition; null: what the topic says */
  readonly partition: Buffer | null
  readonly headers: EncodedHeaders
  /** their names: no user property may pass for one of them */
  readonly names: ReadonlySet<string>
}

/** Names that placeholders of a route may have, and how messages list them. */
export const ROUTE_NAMES = /^(params\.[a-zA-Z_]+|identity|client-id|topic)$/
export const ROUTE_NAMES_TEXT = '${params.x}, ${identity}, ${client-id} and ${topic} are'

export class RecordShape {
  readonly #key: Template | null
  readonly #partition: Template | null
  readonly #headers: readonly (readonly [name: string, value: Template])[]
  readonly #names: ReadonlySet<string>

  constructor({ key, partition, headers = {} }: Pick<With, 'key' | 'partition' | 'headers'>) {
    this.#key = key === undefined ? null : new Template(key)
    this.#partition = partition === undefined ? null : new Template(partition)
    this.#headers = Object.entries(headers).map(([name, value]) => [name, new Template(value)])
    this.#names = new Set(Object.keys(headers))
  }

  /** Records have a key of their own. */
  get keyed(): boolean {
    return this.#key !== null
  }

  /** Null: key or partition need what is not known of this client. A header that does is left out. */
  fill(lookUp: LookUp): RecordForm | null {
    const key = this.#key?.fill(lookUp)
    const partition = this.#partition?.fill(lookUp)
    if (key === null || partition === null) return null
    const entries = this.#headers.flatMap(([name, template]) => {
      const value = template.fill(lookUp)
      return value === null ? [] : [[name, value] as const]
    })
    return {
      key: key === undefined ? null : Buffer.from(key),
      partition: partition === undefined ? null : Buffer.from(partition),
      headers: encodeHeaders(entries),
      names: this.#names,
    }
  }
}
