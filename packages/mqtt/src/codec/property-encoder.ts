/**
 * Encodes the properties of one packet (MQTT 5.0 §2.2.2) in the order of the record. Only those the packet may carry are
 * written, whatever else the record holds.
 */
import type { Properties } from './properties.ts'
import { PROPERTIES, type PropertySpec } from './property-table.ts'
import { type Output, Sizer, varintSize } from './writer.ts'

const SPEC_BY_NAME: ReadonlyMap<string, PropertySpec> = new Map(PROPERTIES.map((spec) => [spec.name, spec]))

/** Bytes of the properties, without their length. */
export function propertiesSize(properties: Properties | null, carrier: number): number {
  if (properties === null) return 0
  const sizer = new Sizer()
  encodeEach(sizer, properties, carrier)
  return sizer.size
}

/** Property length and properties. */
export function encodeProperties(out: Output, properties: Properties | null, carrier: number): void {
  out.varint(propertiesSize(properties, carrier))
  encodeEach(out, properties, carrier)
}

/** The properties alone. */
export function encodeEach(out: Output, properties: Properties | null, carrier: number): void {
  if (properties === null) return
  for (const name in properties) {
    const spec = SPEC_BY_NAME.get(name)
    if (spec === undefined || (spec.carriers & carrier) === 0) continue
    if (spec.type === 'pairs') encodePairs(out, spec.id, properties.userProperties)
    else if (spec.type === 'ids') encodeIds(out, properties.subscriptionIds)
    else encodeSingle(out, spec, properties)
  }
}

const SUBSCRIPTION_ID = 0x0b

export function encodeIds(out: Output, ids: readonly number[] | undefined): void {
  if (ids === undefined) return
  for (const id of ids) {
    out.u8(SUBSCRIPTION_ID)
    out.varint(id)
  }
}

export function idsSize(ids: readonly number[]): number {
  let size = 0
  for (const id of ids) size += 1 + varintSize(id)
  return size
}

function encodePairs(out: Output, id: number, pairs: Properties['userProperties']): void {
  if (pairs === undefined) return
  for (const pair of pairs) {
    out.u8(id)
    out.text(pair[0])
    out.text(pair[1])
  }
}

function encodeSingle(
  out: Output,
  spec: Exclude<PropertySpec, { type: 'ids' | 'pairs' }>,
  properties: Properties,
): void {
  switch (spec.type) {
    case 'bit':
    case 'flag': {
      const value = properties[spec.name]
      if (value === undefined) return
      out.u8(spec.id)
      out.u8(Number(value))
      return
    }
    case 'u16':
    case 'alias':
    case 'u32': {
      const value = properties[spec.name]
      if (value === undefined) return
      out.u8(spec.id)
      if (spec.type === 'u32') out.u32(value)
      else out.u16(value)
      return
    }
    case 'text': {
      const value = properties[spec.name]
      if (value === undefined) return
      out.u8(spec.id)
      out.text(value)
      return
    }
    case 'binary': {
      const value = properties[spec.name]
      if (value === undefined) return
      out.u8(spec.id)
      out.binary(value)
      return
    }
  }
}
