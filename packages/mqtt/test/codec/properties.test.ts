/** Every property with every packet: those that may carry it do, the others refuse it, none takes it twice. Bytes by hand. */
import { describe, expect, it } from 'vitest'
import type { Role } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import type { Packet } from '../../src/codec/packets.ts'
import type { Properties } from '../../src/codec/properties.ts'
import { decodeOne, hex } from './collector.ts'

type Carrier =
  | 'CONNECT'
  | 'CONNACK'
  | 'PUBLISH'
  | 'PUBLISH by a server'
  | 'will'
  | 'PUBACK'
  | 'PUBREC'
  | 'PUBREL'
  | 'PUBCOMP'
  | 'SUBSCRIBE'
  | 'SUBACK'
  | 'UNSUBSCRIBE'
  | 'UNSUBACK'
  | 'DISCONNECT'
  | 'DISCONNECT by a server'
  | 'AUTH'

/** A packet around its properties: bytes before them (after the fixed header) and behind them. */
interface Frame {
  readonly role: Role
  readonly first: string
  readonly before: string
  readonly behind: string
  /** properties that must be there besides */
  readonly base: string
  readonly packet: (properties: Properties | null) => Packet
}

const ack = (first: string, type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', reasonCode: number): Frame => ({
  role: 'server',
  first,
  before: `0001 ${reasonCode.toString(16)}`,
  behind: '',
  base: '',
  packet: (properties) => ({ type, packetId: 1, reasonCode, properties }),
})
const connect = {
  type: 'connect',
  version: 5,
  clientId: 'c',
  cleanStart: true,
  keepAliveSeconds: 0,
  username: null,
  password: null,
} as const
const publish = { type: 'publish', topic: 'a', qos: 0, retain: false, dup: false, packetId: 0 } as const
const will = { topic: 'w', qos: 0, retain: false } as const
const payload = Buffer.from('x')

const FRAMES: Readonly<Record<Carrier, Frame>> = {
  CONNECT: {
    role: 'server',
    first: '10',
    before: '0004 4d515454 05 02 0000',
    behind: '0001 63',
    base: '',
    packet: (properties) => ({ ...connect, will: null, properties }),
  },
  will: {
    role: 'server',
    first: '10',
    before: '0004 4d515454 05 06 0000 00 0001 63',
    behind: '0001 77 0001 78',
    base: '',
    packet: (properties) => ({ ...connect, will: { ...will, payload, properties }, properties: null }),
  },
  CONNACK: {
    role: 'client',
    first: '20',
    before: '00 00',
    behind: '',
    base: '',
    packet: (properties) => ({ type: 'connack', sessionPresent: false, reasonCode: 0, properties }),
  },
  PUBLISH: {
    role: 'server',
    first: '30',
    before: '0001 61',
    behind: '78',
    base: '',
    packet: (properties) => ({ ...publish, payload, properties }),
  },
  'PUBLISH by a server': {
    role: 'client',
    first: '30',
    before: '0001 61',
    behind: '78',
    base: '',
    packet: (properties) => ({ ...publish, payload, properties }),
  },
  PUBACK: ack('40', 'puback', 0x97),
  PUBREC: ack('50', 'pubrec', 0x97),
  PUBREL: ack('62', 'pubrel', 0x92),
  PUBCOMP: ack('70', 'pubcomp', 0x92),
  SUBSCRIBE: {
    role: 'server',
    first: '82',
    before: '0001',
    behind: '0001 61 00',
    base: '',
    packet: (properties) => ({
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        {
          filter: 'a',
          qos: 0,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionId: properties?.subscriptionIds?.[0] ?? 0,
          valid: true,
        },
      ],
      properties,
    }),
  },
  SUBACK: {
    role: 'client',
    first: '90',
    before: '0001',
    behind: '00',
    base: '',
    packet: (properties) => ({ type: 'suback', packetId: 1, reasonCodes: [0], properties }),
  },
  UNSUBSCRIBE: {
    role: 'server',
    first: 'a2',
    before: '0001',
    behind: '0001 61',
    base: '',
    packet: (properties) => ({ type: 'unsubscribe', packetId: 1, filters: ['a'], properties }),
  },
  UNSUBACK: {
    role: 'client',
    first: 'b0',
    before: '0001',
    behind: '00',
    base: '',
    packet: (properties) => ({ type: 'unsuback', packetId: 1, reasonCodes: [0], properties }),
  },
  DISCONNECT: {
    role: 'server',
    first: 'e0',
    before: '80',
    behind: '',
    base: '',
    packet: (properties) => ({ type: 'disconnect', reasonCode: 0x80, properties }),
  },
  'DISCONNECT by a server': {
    role: 'client',
    first: 'e0',
    before: '80',
    behind: '',
    base: '',
    packet: (properties) => ({ type: 'disconnect', reasonCode: 0x80, properties }),
  },
  AUTH: {
    role: 'server',
    first: 'f0',
    before: '18',
    behind: '',
    base: '15 0001 6d',
    packet: (properties) => ({ type: 'auth', reasonCode: 0x18, properties }),
  },
}

const CARRIERS = Object.keys(FRAMES) as Carrier[]
const PUBLISHES: readonly Carrier[] = ['PUBLISH', 'PUBLISH by a server']
const MESSAGES: readonly Carrier[] = [...PUBLISHES, 'will']
const ANSWERS: readonly Carrier[] = ['CONNACK', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'AUTH']
const DISCONNECTS: readonly Carrier[] = ['DISCONNECT', 'DISCONNECT by a server']
const CONNECTS: readonly Carrier[] = ['CONNECT', 'CONNACK']

type Row = readonly [bytes: string, properties: Properties, carriers: readonly Carrier[], bad: readonly string[]]

/** What `bad` lists are values out of range: protocol errors. */
const ROWS: readonly Row[] = [
  ['01 00', { payloadFormat: 0 }, MESSAGES, ['01 02', '01 ff']],
  ['02 ffffffff', { messageExpirySeconds: 0xffff_ffff }, MESSAGES, []],
  ['03 0002 6162', { contentType: 'ab' }, MESSAGES, []],
  ['08 0003 612f62', { responseTopic: 'a/b' }, MESSAGES, ['08 0000', '08 0001 2b']],
  ['09 0002 00ff', { correlationData: Buffer.from([0, 255]) }, MESSAGES, []],
  ['0b ffffff7f', { subscriptionIds: [268_435_455] }, ['PUBLISH by a server', 'SUBSCRIBE'], ['0b 00']],
  ['11 80000000', { sessionExpirySeconds: 0x8000_0000 }, [...CONNECTS, 'DISCONNECT'], []],
  ['12 0001 63', { assignedClientId: 'c' }, ['CONNACK'], []],
  ['13 0000', { serverKeepAliveSeconds: 0 }, ['CONNACK'], []],
  ['15 0001 6d', { authenticationMethod: 'm' }, CONNECTS, []],
  ['15 0001 6d 16 0000', { authenticationMethod: 'm', authenticationData: Buffer.alloc(0) }, CONNECTS, []],
  ['17 00', { requestProblemInformation: false }, ['CONNECT'], ['17 02']],
  ['18 00000005', { willDelaySeconds: 5 }, ['will'], []],
  ['19 01', { requestResponseInformation: true }, ['CONNECT'], ['19 02']],
  ['1a 0001 72', { responseInformation: 'r' }, ['CONNACK'], []],
  ['1c 0001 73', { serverReference: 's' }, ['CONNACK', ...DISCONNECTS], []],
  ['1f 0002 c3a9', { reasonString: 'é' }, [...ANSWERS, ...DISCONNECTS], []],
  ['21 ffff', { receiveMaximum: 65_535 }, CONNECTS, ['21 0000']],
  ['22 0000', { topicAliasMaximum: 0 }, CONNECTS, []],
  ['24 01', { maximumQos: 1 }, ['CONNACK'], ['24 02']],
  ['25 00', { retainAvailable: false }, ['CONNACK'], ['25 02']],
  ['26 0001 6b 0001 76', { userProperties: [['k', 'v']] }, CARRIERS, []],
  ['27 00000001', { maximumPacketSize: 1 }, CONNECTS, ['27 00000000']],
  ['28 01', { wildcardSubscriptionAvailable: true }, ['CONNACK'], ['28 02']],
  ['29 00', { subscriptionIdsAvailable: false }, ['CONNACK'], ['29 02']],
  ['2a 01', { sharedSubscriptionAvailable: true }, ['CONNACK'], ['2a 02']],
]

function build(frame: Frame, properties: string): Buffer {
  const inside = hex(frame.base + properties)
  const before = hex(frame.before)
  const behind = hex(frame.behind)
  const size = before.length + 1 + inside.length + behind.length
  expect(size).toBeLessThan(128)
  return Buffer.concat([hex(frame.first), Buffer.from([size]), before, Buffer.from([inside.length]), inside, behind])
}

const BASE: Readonly<Partial<Record<Carrier, Properties>>> = { AUTH: { authenticationMethod: 'm' } }

describe.each(ROWS)('property %s', (bytes, properties, carriers, bad) => {
  it.each(carriers)('is carried by %s', (carrier) => {
    const frame = FRAMES[carrier]
    const wire = build(frame, bytes)
    const packet = frame.packet({ ...BASE[carrier], ...properties })
    const result = decodeOne(frame.role, 5, wire)
    expect(result.error).toBeNull()
    expect(result.packets).toStrictEqual([packet])
    expect(encode(packet, 5).toString('hex')).toBe(wire.toString('hex'))
  })

  const single = Object.keys(properties).length === 1
  const others = CARRIERS.filter((carrier) => !carriers.includes(carrier))
  // AUTH carries 0x15 and 0x16 always, the others' reasons are their own rows
  const strangers = others.filter((carrier) => single && !(carrier === 'AUTH' && bytes.startsWith('15')))
  it.each(strangers)('is refused in %s', (carrier) => {
    const own = carrier === 'PUBLISH' && bytes.startsWith('0b')
    const byServer = carrier === 'DISCONNECT by a server' && bytes.startsWith('11')
    const result = decodeOne(FRAMES[carrier].role, 5, build(FRAMES[carrier], bytes))
    expect(result.error?.reasonCode).toBe(own || byServer ? 0x82 : 0x81)
    expect(result.packets).toEqual([])
  })

  it.each(carriers)('is given once in %s, unless it is one that repeats', (carrier) => {
    const result = decodeOne(FRAMES[carrier].role, 5, build(FRAMES[carrier], bytes + bytes))
    const repeats = bytes.startsWith('26') || (bytes.startsWith('0b') && carrier !== 'SUBSCRIBE')
    expect(result.error?.reasonCode).toBe(repeats ? undefined : 0x82)
  })

  for (const value of bad) {
    it.each(carriers)(`has no value ${value} in %s`, (carrier) => {
      expect(decodeOne(FRAMES[carrier].role, 5, build(FRAMES[carrier], value)).error?.reasonCode).toBe(0x82)
    })
  }

  it.each(carriers)('is cut short in %s', (carrier) => {
    const cut = hex(bytes).subarray(0, -1).toString('hex')
    expect(decodeOne(FRAMES[carrier].role, 5, build(FRAMES[carrier], cut)).error?.reasonCode).toBe(0x81)
  })
})

it('leaves out of a packet what it may not carry, and undefined values', () => {
  const properties: Properties = {
    receiveMaximum: 1,
    reasonString: 'r',
    contentType: 'c',
    topicAliasMaximum: undefined,
  }
  expect(encode({ type: 'puback', packetId: 1, reasonCode: 0x80, properties }, 5)).toEqual(
    hex('40 08 0001 80 04 1f 0001 72'),
  )
})

it('is in force for MQTT 5.0 only', () => {
  const properties: Properties = { reasonString: 'r' }
  expect(encode({ type: 'puback', packetId: 1, reasonCode: 0x80, properties }, 4)).toEqual(hex('40 02 0001'))
})
