/**
 * The codec against `mqtt-packet`, which shares no line with it. Each must understand what the other writes, and take it for
 * the same. Where the other is laxer the standard decides, by the rows of `malformed.test.ts`; what it refuses, we refuse.
 */
import * as oracle from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import type { Role } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import type { Packet } from '../../src/codec/packets.ts'
import type { Properties } from '../../src/codec/properties.ts'
import type { Version } from '../../src/stream.ts'
import { decodeOne, hex } from './collector.ts'
import { RandomPackets } from './random-packets.ts'
import { ROWS } from './rows.ts'

type Foreign = Record<string, unknown>

const NAMES: Readonly<Record<string, string>> = {
  payloadFormat: 'payloadFormatIndicator',
  messageExpirySeconds: 'messageExpiryInterval',
  subscriptionIds: 'subscriptionIdentifier',
  sessionExpirySeconds: 'sessionExpiryInterval',
  assignedClientId: 'assignedClientIdentifier',
  serverKeepAliveSeconds: 'serverKeepAlive',
  willDelaySeconds: 'willDelayInterval',
  maximumQos: 'maximumQoS',
  subscriptionIdsAvailable: 'subscriptionIdentifiersAvailable',
}

function foreignProperties(properties: Properties | null): Foreign | undefined {
  if (properties === null) return undefined
  const foreign: Foreign = {}
  for (const [name, value] of Object.entries(properties)) {
    const key = NAMES[name] ?? name
    if (name === 'userProperties') foreign[key] = foreignPairs(properties.userProperties ?? [])
    else if (name === 'payloadFormat') foreign[key] = value === 1
    else if (name === 'subscriptionIds')
      foreign[key] = (value as number[]).length === 1 ? (value as number[])[0] : value
    else foreign[key] = value
  }
  return foreign
}

/** An object there: the order of different names is lost, repeats of a name are an array. */
function foreignPairs(pairs: readonly (readonly [string, string])[]): Foreign {
  const foreign = Object.create(null)
  for (const [name, value] of pairs) {
    // an empty value does not count as the first of several there
    if (!foreign[name]) foreign[name] = value
    else if (Array.isArray(foreign[name])) foreign[name].push(value)
    else foreign[name] = [foreign[name], value]
  }
  return foreign
}

/** The same packet in the words of `mqtt-packet`. */
function foreignPacket(packet: Packet, version: Version): Foreign {
  const properties = 'properties' in packet ? foreignProperties(packet.properties) : undefined
  const base: Foreign = { cmd: packet.type, ...(properties === undefined ? {} : { properties }) }
  switch (packet.type) {
    case 'connect':
      return {
        ...base,
        protocolId: 'MQTT',
        protocolVersion: packet.version,
        clean: packet.cleanStart,
        clientId: packet.clientId,
        keepalive: packet.keepAliveSeconds,
        ...(packet.username === null ? {} : { username: packet.username }),
        ...(packet.password === null ? {} : { password: packet.password }),
        ...(packet.will === null ? {} : { will: foreignWill(packet.will) }),
      }
    case 'connack':
      return {
        ...base,
        sessionPresent: packet.sessionPresent,
        [version === 5 ? 'reasonCode' : 'returnCode']: packet.reasonCode,
      }
    case 'publish':
      return {
        ...base,
        topic: packet.topic,
        payload: packet.payload,
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        ...(packet.qos > 0 ? { messageId: packet.packetId } : {}),
      }
    case 'subscribe':
      return {
        ...base,
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map(({ filter, qos, noLocal, retainAsPublished, retainHandling }) => ({
          topic: filter,
          qos,
          ...(version === 5 ? { nl: noLocal, rap: retainAsPublished, rh: retainHandling } : {}),
        })),
      }
    case 'unsubscribe':
      return { ...base, messageId: packet.packetId, unsubscriptions: packet.filters }
    case 'suback':
    case 'unsuback':
      return {
        ...base,
        messageId: packet.packetId,
        ...(packet.reasonCodes.length > 0 ? { granted: packet.reasonCodes } : {}),
      }
    case 'disconnect':
    case 'auth':
      return { ...base, ...(version === 5 ? { reasonCode: packet.reasonCode } : {}) }
    case 'pingreq':
    case 'pingresp':
      return base
    default:
      return { ...base, messageId: packet.packetId, ...(version === 5 ? { reasonCode: packet.reasonCode } : {}) }
  }
}

function foreignWill(will: NonNullable<Extract<Packet, { type: 'connect' }>['will']>): Foreign {
  const properties = foreignProperties(will.properties)
  const { topic, payload, qos, retain } = will
  return { topic, payload, qos, retain, ...(properties === undefined ? {} : { properties }) }
}

/** The packets it finds, or null when it refuses. */
function foreignDecode(bytes: Buffer, version: Version): Foreign[] | null {
  const found: Foreign[] = []
  let refused = false
  const parser = oracle.parser({ protocolVersion: version })
  parser.on('packet', (packet) => found.push({ ...packet }))
  parser.on('error', () => {
    refused = true
  })
  try {
    parser.parse(bytes)
  } catch {
    refused = true
  }
  return refused ? null : found
}

/** Null when it refuses to write it. */
function foreignEncode(packet: Packet, version: Version): Buffer | null {
  try {
    return oracle.generate(foreignPacket(packet, version) as unknown as oracle.Packet, { protocolVersion: version })
  } catch {
    return null
  }
}

/** Where the two differ and the standard is with us: it cannot read, or cannot write, these packets. */
const DEVIATIONS: readonly { readonly reason: string; readonly of: 'read' | 'write'; is(packet: Packet): boolean }[] = [
  {
    reason: 'holds a 5.0 client to the 3.1.1 rule that a kept session needs a client identifier (§3.1.3.1)',
    of: 'write',
    is: (packet) => packet.type === 'connect' && packet.version === 5 && !packet.cleanStart && packet.clientId === '',
  },
  {
    reason: 'holds a 5.0 client to the 3.1.1 rule that a password needs a user name (§3.1.2.9)',
    of: 'write',
    is: (packet) =>
      packet.type === 'connect' && packet.version === 5 && packet.password !== null && packet.username === null,
  },
  {
    reason: 'wants a reason code in AUTH, which may be left out (§3.15.2.1)',
    of: 'read',
    is: (packet) => packet.type === 'auth' && packet.properties === null,
  },
  {
    reason: 'writes the same with reason code and no method, which is a protocol error (§3.15.2.2.2)',
    of: 'write',
    is: (packet) => packet.type === 'auth' && packet.properties === null,
  },
  {
    reason: 'does not know 0x8C in DISCONNECT (§2.4)',
    of: 'read',
    is: (packet) => packet.type === 'disconnect' && packet.reasonCode === 0x8c,
  },
]

function deviates(packet: Packet, of: 'read' | 'write'): boolean {
  return DEVIATIONS.some((deviation) => deviation.of === of && deviation.is(packet))
}

function check(packet: Packet, role: Role, version: Version, name: string): void {
  const expected = foreignPacket(packet, version)
  const understood = foreignDecode(encode(packet, version), version)
  if (deviates(packet, 'read')) expect(understood, name).toBeNull()
  else expect(understood, name).toMatchObject([expected])

  const theirs = foreignEncode(packet, version)
  const found = theirs === null ? [] : decodeOne(role, version, theirs).packets
  expect(
    found.map((each) => foreignPacket(each, version)),
    name,
  ).toEqual(deviates(packet, 'write') ? [] : [expected])
}

describe('what both write', () => {
  it.each(ROWS.map((row) => [`MQTT ${row.version}, ${row.role}: ${row.name}`, row] as const))('%s', (name, row) => {
    check(row.packet, row.role, row.version, name)
  })

  it.each([
    ['server', 4],
    ['server', 5],
    ['client', 4],
    ['client', 5],
  ] as const)('is the same for random packets: role %s, MQTT %i', (role, version) => {
    for (let seed = 1; seed <= 500; seed++)
      check(new RandomPackets(seed).packet(role, version), role, version, `seed ${seed}`)
  })
})

describe('what it refuses, we refuse', () => {
  const short = ROWS.filter((row) => row.hex.length < 1000)
  it.each(short.map((row) => [`MQTT ${row.version}, ${row.role}: ${row.name}`, row] as const))('%s', (_name, row) => {
    const base = hex(row.hex)
    for (let at = 2; at < base.length; at++) {
      for (const flip of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff]) {
        const bytes = Buffer.from(base)
        bytes[at] = bytes[at]! ^ flip
        const ours = decodeOne(row.role, row.version, bytes).packets[0]
        if (ours === undefined || deviates(ours, 'read')) continue
        const where = `byte ${at} flipped by ${flip}: ${bytes.toString('hex')}`
        expect(foreignDecode(bytes, row.version), where).toMatchObject([foreignPacket(ours, row.version)])
      }
    }
  })
})
