/**
 * Decodes the properties of one packet (MQTT 5.0 §2.2.2), strictly: only those the packet may carry, none twice, values in
 * range. Called by the packet decoders; must never keep a slice of the network buffer.
 */
import { hasWildcard } from '../topic.ts'
import type { Properties } from './properties.ts'
import { Carrier, PROPERTIES, type PropertySpec } from './property-table.ts'
import type { Reader } from './reader.ts'
import { ReasonCode } from './reason-codes.ts'

type SingleSpec = Exclude<PropertySpec, { type: 'alias' | 'ids' | 'pairs' }>

const SPEC_OF: readonly (PropertySpec | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  PROPERTIES.find((spec) => spec.id === id),
)

/** Identifier and value of a topic alias. */
const ALIAS_BYTES = 3

/** Property length and properties; null when there are none. A topic alias goes to the reader, not into the record. */
export function decodeProperties(reader: Reader, carrier: number): Properties | null {
  const length = reader.varint('property length')
  if (length === 0) return null
  const packetEnd = reader.end
  const end = reader.at + length
  if (end > packetEnd) reader.malformed('the properties end beyond the packet', '§2.2.2.1')
  // no property may reach beyond the property length
  reader.end = end

  const properties: Properties = {}
  const ids: number[] = []
  const pairs: [string, string][] = []
  while (reader.at < end) {
    const id = reader.varint('property identifier')
    const spec = SPEC_OF[id]
    if (spec === undefined || (spec.carriers & carrier) === 0) {
      return reader.malformed(`property 0x${id.toString(16).padStart(2, '0')} is not one of this packet's`, '§2.2.2.2')
    }
    if (spec.type === 'pairs') {
      if (pairs.length >= reader.limits.userProperties) tooMany(reader)
      pairs.push([reader.text('user property name'), reader.text('user property value')])
      properties.userProperties = pairs
    } else if (spec.type === 'ids') {
      if (ids.length > 0 && carrier === Carrier.SUBSCRIBE) repeated(reader, spec)
      ids.push(decodeSubscriptionId(reader, spec))
      properties.subscriptionIds = ids
    } else if (spec.type === 'alias') {
      if (reader.topicAlias !== 0) repeated(reader, spec)
      reader.topicAlias = reader.u16(spec.name)
      if (reader.topicAlias === 0) reader.protocolError('topic alias is 0', '[MQTT-3.3.2-8]')
    } else {
      if (properties[spec.name] !== undefined) repeated(reader, spec)
      decodeSingle(reader, spec, properties)
    }
  }
  reader.end = packetEnd
  return reader.topicAlias !== 0 && length === ALIAS_BYTES ? null : properties
}

function tooMany(reader: Reader): never {
  return reader.fail(ReasonCode.QuotaExceeded, `more than ${reader.limits.userProperties} user properties`, '§4.13')
}

function decodeSingle(reader: Reader, spec: SingleSpec, properties: Properties): void {
  switch (spec.type) {
    case 'bit':
      properties[spec.name] = decodeBit(reader, spec)
      return
    case 'flag':
      properties[spec.name] = decodeBit(reader, spec) === 1
      return
    case 'u16':
    case 'u32': {
      const value = spec.type === 'u16' ? reader.u16(spec.name) : reader.u32(spec.name)
      if (value < spec.least) reader.protocolError(`${spec.name} is 0`, spec.clause)
      properties[spec.name] = value
      return
    }
    case 'text': {
      const value = reader.text(spec.name)
      if (spec.name === 'responseTopic' && (value === '' || hasWildcard(value))) {
        reader.protocolError('responseTopic is empty or has a wildcard', '[MQTT-3.3.2-14]')
      }
      properties[spec.name] = value
      return
    }
    case 'binary':
      properties[spec.name] = reader.binary(spec.name)
      return
  }
}

function decodeBit(reader: Reader, spec: SingleSpec): 0 | 1 {
  const value = reader.u8(spec.name)
  if (value > 1) reader.protocolError(`${spec.name} is neither 0 nor 1`, spec.clause)
  return value === 1 ? 1 : 0
}

function decodeSubscriptionId(reader: Reader, spec: PropertySpec): number {
  const id = reader.varint('subscription identifier')
  if (id === 0) reader.protocolError('subscription identifier is 0', spec.clause)
  return id
}

function repeated(reader: Reader, spec: PropertySpec): never {
  return reader.protocolError(`${spec.name} is given twice`, spec.clause)
}
