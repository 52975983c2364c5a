/**
 * A will as JSON, as it stands in the sessions topic until it is published or void. Written at CONNECT, read by whichever
 * instance publishes it, so nothing of it may get lost: every property, repeats and order of user properties, all bytes.
 */
import type { Properties, Qos, Will } from '@zilla-ts/mqtt'
import { encodeValue, parseObject } from './records.ts'

/** Properties whose value is bytes; JSON has them in base64. */
const BYTES = ['correlationData', 'authenticationData'] as const

export function encodeWillValue(will: Will): Buffer {
  const { topic, qos, retain, properties, payload } = will
  const props = properties === null ? undefined : encodeProperties(properties)
  return encodeValue({ topic, qos, retain, props, payload: payload.toString('base64') })
}

/** Null: not a will. */
export function decodeWillValue(value: Buffer): Will | null {
  const fields = parseObject(value.toString())
  if (fields === null) return null
  const { topic, qos, retain, props, payload } = fields
  if (typeof topic !== 'string' || typeof payload !== 'string' || typeof retain !== 'boolean' || !isQos(qos))
    return null
  if (props !== undefined && (typeof props !== 'object' || props === null)) return null
  const properties = props === undefined ? null : decodeProperties(props as Record<string, unknown>)
  return { topic, qos, retain, properties, payload: Buffer.from(payload, 'base64') }
}

function isQos(qos: unknown): qos is Qos {
  return qos === 0 || qos === 1 || qos === 2
}

function encodeProperties(properties: Properties): Record<string, unknown> {
  const encoded: Record<string, unknown> = { ...properties }
  for (const name of BYTES) {
    const bytes = properties[name]
    if (bytes !== undefined) encoded[name] = bytes.toString('base64')
  }
  return encoded
}

function decodeProperties(encoded: Record<string, unknown>): Properties {
  const properties: Record<string, unknown> = { ...encoded }
  for (const name of BYTES) {
    const text = encoded[name]
    if (typeof text === 'string') properties[name] = Buffer.from(text, 'base64')
  }
  return properties as Properties
}
