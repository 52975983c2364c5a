/** One row per packet: what it is and its bytes, written by hand from the standard. Read by the tests of both directions. */
import type { Role } from '../../src/codec/decoder.ts'
import type { Packet } from '../../src/codec/packets.ts'
import type { Version } from '../../src/stream.ts'

export interface Row {
  readonly name: string
  readonly version: Version
  /** who decodes it */
  readonly role: Role
  readonly packet: Packet
  readonly hex: string
  /** another, legal way to write the packet: the encoder does not choose it */
  readonly decodeOnly?: true
}

const text = (value: string) => Buffer.from(value)
const subscription = {
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  subscriptionId: 0,
  valid: true,
} as const
const publish = { type: 'publish', dup: false, retain: false, qos: 0, packetId: 0, properties: null } as const
const connect = {
  type: 'connect',
  clientId: 'c',
  cleanStart: true,
  keepAliveSeconds: 60,
  will: null,
  username: null,
  password: null,
  properties: null,
} as const

const PUBLISHES: readonly Omit<Row, 'role'>[] = [
  {
    name: 'PUBLISH QoS 0',
    version: 4,
    packet: { ...publish, topic: 'a/b', payload: text('hi') },
    hex: '30 07 0003 612f62 6869',
  },
  {
    name: 'PUBLISH QoS 0 without payload, retained',
    version: 4,
    packet: { ...publish, retain: true, topic: '/', payload: text('') },
    hex: '31 03 0001 2f',
  },
  {
    name: 'PUBLISH QoS 1 with DUP and RETAIN',
    version: 4,
    packet: { ...publish, dup: true, retain: true, qos: 1, packetId: 10, topic: 'a/b', payload: text('hi') },
    hex: '3b 09 0003 612f62 000a 6869',
  },
  {
    name: 'PUBLISH QoS 2',
    version: 4,
    packet: { ...publish, qos: 2, packetId: 0xffff, topic: 'a/b', payload: text('hi') },
    hex: '34 09 0003 612f62 ffff 6869',
  },
  {
    name: 'PUBLISH with a topic of two-, three- and four-byte characters',
    version: 4,
    packet: { ...publish, topic: 'é€😀', payload: text('x') },
    hex: '30 0c 0009 c3a9 e282ac f09f9880 78',
  },
  {
    name: 'PUBLISH with U+FEFF in the topic, kept [MQTT-1.5.4-3]',
    version: 4,
    packet: { ...publish, topic: '\ufeffa', payload: text('') },
    hex: '30 06 0004 efbbbf 61',
  },
  {
    name: 'PUBLISH with a remaining length of two bytes',
    version: 4,
    packet: { ...publish, topic: 't', payload: Buffer.alloc(125, 0x2e) },
    hex: `30 8001 0001 74 ${'2e'.repeat(125)}`,
  },
  {
    name: 'PUBLISH with a remaining length of three bytes',
    version: 4,
    packet: { ...publish, topic: 't', payload: Buffer.alloc(16_381, 0x2e) },
    hex: `30 808001 0001 74 ${'2e'.repeat(16_381)}`,
  },
  {
    name: 'PUBLISH QoS 0',
    version: 5,
    packet: { ...publish, topic: 'a/b', payload: text('hi') },
    hex: '30 08 0003 612f62 00 6869',
  },
  {
    name: 'PUBLISH QoS 1 with DUP',
    version: 5,
    packet: { ...publish, dup: true, qos: 1, packetId: 1, topic: 'a/b', payload: text('hi') },
    hex: '3a 0a 0003 612f62 0001 00 6869',
  },
  {
    name: 'PUBLISH QoS 2 with properties',
    version: 5,
    packet: {
      ...publish,
      retain: true,
      qos: 2,
      packetId: 2,
      topic: 'a',
      payload: text('hi'),
      properties: {
        payloadFormat: 1,
        messageExpirySeconds: 60,
        contentType: 'json',
        responseTopic: 'r/1',
        correlationData: Buffer.from([0, 255]),
        userProperties: [
          ['k', 'v'],
          ['k', ''],
          ['', 'w'],
        ],
      },
    },
    hex: `35 34 0001 61 0002 2c 0101 02 0000003c 03 0004 6a736f6e 08 0003 722f31 09 0002 00ff
          26 0001 6b 0001 76 26 0001 6b 0000 26 0000 0001 77 6869`,
  },
]

const ACKS: readonly Omit<Row, 'role'>[] = [
  {
    name: 'PUBACK',
    version: 4,
    packet: { type: 'puback', packetId: 1, reasonCode: 0, properties: null },
    hex: '40 02 0001',
  },
  {
    name: 'PUBREC',
    version: 4,
    packet: { type: 'pubrec', packetId: 65535, reasonCode: 0, properties: null },
    hex: '50 02 ffff',
  },
  {
    name: 'PUBREL',
    version: 4,
    packet: { type: 'pubrel', packetId: 256, reasonCode: 0, properties: null },
    hex: '62 02 0100',
  },
  {
    name: 'PUBCOMP',
    version: 4,
    packet: { type: 'pubcomp', packetId: 2, reasonCode: 0, properties: null },
    hex: '70 02 0002',
  },
  {
    name: 'PUBACK',
    version: 5,
    packet: { type: 'puback', packetId: 1, reasonCode: 0, properties: null },
    hex: '40 02 0001',
  },
  {
    name: 'PUBACK with reason code',
    version: 5,
    packet: { type: 'puback', packetId: 1, reasonCode: 0x10, properties: null },
    hex: '40 03 0001 10',
  },
  {
    name: 'PUBACK with reason string',
    version: 5,
    packet: { type: 'puback', packetId: 1, reasonCode: 0x97, properties: { reasonString: 'no' } },
    hex: '40 09 0001 97 05 1f 0002 6e6f',
  },
  {
    name: 'PUBACK of success with user property',
    version: 5,
    packet: { type: 'puback', packetId: 1, reasonCode: 0, properties: { userProperties: [['a', 'b']] } },
    hex: '40 0b 0001 00 07 26 0001 61 0001 62',
  },
  {
    name: 'PUBACK with success written out',
    version: 5,
    packet: { type: 'puback', packetId: 1, reasonCode: 0, properties: null },
    hex: '40 03 0001 00',
    decodeOnly: true,
  },
  {
    name: 'PUBACK with success and no properties written out',
    version: 5,
    packet: { type: 'puback', packetId: 1, reasonCode: 0, properties: null },
    hex: '40 04 0001 00 00',
    decodeOnly: true,
  },
  {
    name: 'PUBREC',
    version: 5,
    packet: { type: 'pubrec', packetId: 7, reasonCode: 0x90, properties: null },
    hex: '50 03 0007 90',
  },
  {
    name: 'PUBREL',
    version: 5,
    packet: { type: 'pubrel', packetId: 7, reasonCode: 0x92, properties: null },
    hex: '62 03 0007 92',
  },
  {
    name: 'PUBREL with reason string',
    version: 5,
    packet: { type: 'pubrel', packetId: 7, reasonCode: 0x92, properties: { reasonString: '?' } },
    hex: '62 08 0007 92 04 1f 0001 3f',
  },
  {
    name: 'PUBCOMP',
    version: 5,
    packet: { type: 'pubcomp', packetId: 7, reasonCode: 0, properties: null },
    hex: '70 02 0007',
  },
]

const FROM_CLIENT: readonly Omit<Row, 'role'>[] = [
  {
    name: 'CONNECT',
    version: 4,
    packet: { ...connect, version: 4 },
    hex: '10 0d 0004 4d515454 04 02 003c 0001 63',
  },
  {
    name: 'CONNECT without client identifier',
    version: 4,
    packet: { ...connect, version: 4, clientId: '' },
    hex: '10 0c 0004 4d515454 04 02 003c 0000',
  },
  {
    name: 'CONNECT that keeps its session, without keep alive',
    version: 4,
    packet: { ...connect, version: 4, cleanStart: false, keepAliveSeconds: 0 },
    hex: '10 0d 0004 4d515454 04 00 0000 0001 63',
  },
  {
    name: 'CONNECT with will, user name and password',
    version: 4,
    packet: {
      ...connect,
      version: 4,
      clientId: 'cli',
      keepAliveSeconds: 10,
      will: { topic: 'w/t', payload: Buffer.from([1, 2]), qos: 1, retain: true, properties: null },
      username: 'us',
      password: Buffer.from([0xff, 0]),
    },
    hex: '10 20 0004 4d515454 04 ee 000a 0003 636c69 0003 772f74 0002 0102 0002 7573 0002 ff00',
  },
  {
    name: 'CONNECT with empty will, user name and password',
    version: 4,
    packet: {
      ...connect,
      version: 4,
      will: { topic: 'w', payload: text(''), qos: 2, retain: false, properties: null },
      username: '',
      password: text(''),
    },
    hex: '10 16 0004 4d515454 04 d6 003c 0001 63 0001 77 0000 0000 0000',
  },
  {
    name: 'CONNECT',
    version: 5,
    packet: { ...connect, version: 5 },
    hex: '10 0e 0004 4d515454 05 02 003c 00 0001 63',
  },
  {
    name: 'CONNECT that keeps its session, without client identifier',
    version: 5,
    packet: { ...connect, version: 5, cleanStart: false, clientId: '' },
    hex: '10 0d 0004 4d515454 05 00 003c 00 0000',
  },
  {
    name: 'CONNECT with password, without user name',
    version: 5,
    packet: { ...connect, version: 5, password: text('pw') },
    hex: '10 12 0004 4d515454 05 42 003c 00 0001 63 0002 7077',
  },
  {
    name: 'CONNECT with everything',
    version: 5,
    packet: {
      ...connect,
      version: 5,
      properties: { sessionExpirySeconds: 0xffffffff, receiveMaximum: 20, userProperties: [['a', 'b']] },
      will: {
        topic: 'w',
        payload: text('x'),
        qos: 2,
        retain: true,
        properties: { willDelaySeconds: 5, contentType: 't' },
      },
      username: 'u',
      password: text('p'),
    },
    hex: `10 33 0004 4d515454 05 f6 003c 0f 11 ffffffff 21 0014 26 0001 61 0001 62 0001 63
          09 18 00000005 03 0001 74 0001 77 0001 78 0001 75 0001 70`,
  },
  {
    name: 'SUBSCRIBE',
    version: 4,
    packet: {
      type: 'subscribe',
      packetId: 10,
      subscriptions: [
        { ...subscription, filter: 'a/b', qos: 1 },
        { ...subscription, filter: '#', qos: 0 },
        { ...subscription, filter: '+/+', qos: 2 },
      ],
      properties: null,
    },
    hex: '82 12 000a 0003 612f62 01 0001 23 00 0003 2b2f2b 02',
  },
  {
    name: 'SUBSCRIBE with filters that break §4.7, and share names that are none',
    version: 4,
    packet: {
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        { ...subscription, filter: '', qos: 0, valid: false },
        { ...subscription, filter: 'a#', qos: 0, valid: false },
        { ...subscription, filter: '$share/+/a', qos: 0, valid: false },
        { ...subscription, filter: 'a', qos: 0 },
      ],
      properties: null,
    },
    hex: '82 1b 0001 0000 00 0002 6123 00 000a 2473686172652f2b2f61 00 0001 61 00',
  },
  {
    name: 'SUBSCRIBE with every option',
    version: 5,
    packet: {
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        { ...subscription, filter: 'a', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
        { ...subscription, filter: 'b', qos: 1, retainHandling: 1 },
      ],
      properties: null,
    },
    hex: '82 0b 0001 00 0001 61 2e 0001 62 11',
  },
  {
    name: 'SUBSCRIBE with identifier and user property',
    version: 5,
    packet: {
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        { ...subscription, filter: 'a', qos: 0, subscriptionId: 300 },
        { ...subscription, filter: 'b', qos: 0, subscriptionId: 300 },
      ],
      properties: { subscriptionIds: [300], userProperties: [['k', 'v']] },
    },
    hex: '82 15 0001 0a 0b ac02 26 0001 6b 0001 76 0001 61 00 0001 62 00',
  },
  {
    name: 'SUBSCRIBE with shared filters, sound and broken [MQTT-4.8.2-1]',
    version: 5,
    packet: {
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        { ...subscription, filter: '$share/g/a', qos: 0 },
        { ...subscription, filter: '$share/+/a', qos: 0, valid: false },
      ],
      properties: null,
    },
    hex: '82 1d 0001 00 000a 2473686172652f672f61 00 000a 2473686172652f2b2f61 00',
  },
  {
    name: 'UNSUBSCRIBE',
    version: 4,
    packet: { type: 'unsubscribe', packetId: 3, filters: ['a', 'b/#'], properties: null },
    hex: 'a2 0a 0003 0001 61 0003 622f23',
  },
  {
    name: 'UNSUBSCRIBE',
    version: 5,
    packet: { type: 'unsubscribe', packetId: 3, filters: ['a'], properties: { userProperties: [['k', 'v']] } },
    hex: 'a2 0d 0003 07 26 0001 6b 0001 76 0001 61',
  },
  { name: 'PINGREQ', version: 4, packet: { type: 'pingreq' }, hex: 'c0 00' },
  { name: 'PINGREQ', version: 5, packet: { type: 'pingreq' }, hex: 'c0 00' },
  { name: 'DISCONNECT', version: 4, packet: { type: 'disconnect', reasonCode: 0, properties: null }, hex: 'e0 00' },
  { name: 'DISCONNECT', version: 5, packet: { type: 'disconnect', reasonCode: 0, properties: null }, hex: 'e0 00' },
  {
    name: 'DISCONNECT with will message',
    version: 5,
    packet: { type: 'disconnect', reasonCode: 4, properties: null },
    hex: 'e0 01 04',
  },
  {
    name: 'DISCONNECT with session expiry',
    version: 5,
    packet: { type: 'disconnect', reasonCode: 0, properties: { sessionExpirySeconds: 5 } },
    hex: 'e0 07 00 05 11 00000005',
  },
  {
    name: 'DISCONNECT with no properties written out',
    version: 5,
    packet: { type: 'disconnect', reasonCode: 0, properties: null },
    hex: 'e0 02 00 00',
    decodeOnly: true,
  },
  {
    name: 'AUTH of a client',
    version: 5,
    packet: {
      type: 'auth',
      reasonCode: 0x18,
      properties: { authenticationMethod: 'm', authenticationData: Buffer.from([1]) },
    },
    hex: 'f0 0a 18 08 15 0001 6d 16 0001 01',
  },
]

const FROM_SERVER: readonly Omit<Row, 'role'>[] = [
  {
    name: 'CONNACK',
    version: 4,
    packet: { type: 'connack', sessionPresent: true, reasonCode: 0, properties: null },
    hex: '20 02 01 00',
  },
  {
    name: 'CONNACK that refuses',
    version: 4,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 5, properties: null },
    hex: '20 02 00 05',
  },
  {
    name: 'CONNACK',
    version: 5,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 0, properties: null },
    hex: '20 03 00 00 00',
  },
  {
    name: 'CONNACK with properties',
    version: 5,
    packet: {
      type: 'connack',
      sessionPresent: true,
      reasonCode: 0,
      properties: { assignedClientId: 'x', receiveMaximum: 256, maximumQos: 1, retainAvailable: false },
    },
    hex: '20 0e 01 00 0b 12 0001 78 21 0100 24 01 25 00',
  },
  {
    name: 'CONNACK that refuses',
    version: 5,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 0x8a, properties: { reasonString: 'no' } },
    hex: '20 08 00 8a 05 1f 0002 6e6f',
  },
  {
    name: 'PUBLISH with subscription identifiers',
    version: 5,
    packet: { ...publish, topic: 'a', payload: text('x'), properties: { subscriptionIds: [1, 128, 268_435_455] } },
    hex: '30 0f 0001 61 0a 0b 01 0b 8001 0b ffffff7f 78',
  },
  {
    name: 'SUBACK',
    version: 4,
    packet: { type: 'suback', packetId: 10, reasonCodes: [0, 1, 2, 0x80], properties: null },
    hex: '90 06 000a 00 01 02 80',
  },
  {
    name: 'SUBACK',
    version: 5,
    packet: { type: 'suback', packetId: 10, reasonCodes: [2, 0x8f], properties: { reasonString: 'r' } },
    hex: '90 09 000a 04 1f 0001 72 02 8f',
  },
  {
    name: 'UNSUBACK',
    version: 4,
    packet: { type: 'unsuback', packetId: 3, reasonCodes: [], properties: null },
    hex: 'b0 02 0003',
  },
  {
    name: 'UNSUBACK',
    version: 5,
    packet: { type: 'unsuback', packetId: 3, reasonCodes: [0, 0x11], properties: null },
    hex: 'b0 05 0003 00 00 11',
  },
  { name: 'PINGRESP', version: 4, packet: { type: 'pingresp' }, hex: 'd0 00' },
  { name: 'PINGRESP', version: 5, packet: { type: 'pingresp' }, hex: 'd0 00' },
  {
    name: 'DISCONNECT of a server',
    version: 5,
    packet: { type: 'disconnect', reasonCode: 0x9d, properties: { serverReference: 's', reasonString: 'r' } },
    hex: 'e0 0a 9d 08 1c 0001 73 1f 0001 72',
  },
  {
    name: 'AUTH of a server',
    version: 5,
    packet: { type: 'auth', reasonCode: 0, properties: { authenticationMethod: 'm' } },
    hex: 'f0 06 00 04 15 0001 6d',
  },
  {
    name: 'AUTH of success, all left out',
    version: 5,
    packet: { type: 'auth', reasonCode: 0, properties: null },
    hex: 'f0 00',
  },
]

/** What both sides send is decoded by both. */
export const ROWS: readonly Row[] = [
  ...[...FROM_CLIENT, ...PUBLISHES, ...ACKS].map((row): Row => ({ ...row, role: 'server' })),
  ...[...FROM_SERVER, ...PUBLISHES, ...ACKS].map((row): Row => ({ ...row, role: 'client' })),
]
