/** Packets that must be refused: one row each, the clause in its name. */
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../src/codec/decode-error.ts'
import type { Role } from '../../src/codec/decoder.ts'
import type { Version } from '../../src/stream.ts'
import { Collector, decodeChunks, decodeOne, hex, newDecoder } from './collector.ts'

type Row = readonly [name: string, version: Version, role: Role, hex: string, reasonCode: number]

const MALFORMED = 0x81
const PROTOCOL = 0x82
const VERSION = 0x84
const CLIENT_ID = 0x85
const TOPIC_NAME = 0x90
const TOPIC_ALIAS = 0x94

const FIXED_HEADER: readonly Row[] = [
  ['§2.1.2 type 0 is reserved', 4, 'server', '00 00', MALFORMED],
  ['§2.1.2 type 0 is reserved', 5, 'client', '00 00', MALFORMED],
  ['3.1.1 §2.2.1 type 15 is reserved', 4, 'server', 'f0 00', MALFORMED],
  ['3.1.1 §2.2.1 type 15 is reserved', 4, 'client', 'f0 00', MALFORMED],
  ['[MQTT-2.1.3-1] PUBACK flags', 4, 'server', '41 02 0001', MALFORMED],
  ['[MQTT-2.1.3-1] PUBREC flags', 5, 'server', '52 02 0001', MALFORMED],
  ['[MQTT-3.6.1-1] PUBREL flags are 0', 4, 'server', '60 02 0001', MALFORMED],
  ['[MQTT-3.6.1-1] PUBREL flags are 3', 5, 'server', '63 02 0001', MALFORMED],
  ['[MQTT-2.1.3-1] PUBCOMP flags', 4, 'server', '78 02 0001', MALFORMED],
  ['[MQTT-3.8.1-1] SUBSCRIBE flags', 4, 'server', '80 06 0001 0001 61 00', MALFORMED],
  ['[MQTT-3.8.1-1] SUBSCRIBE flags', 5, 'server', '83 07 0001 00 0001 61 00', MALFORMED],
  ['[MQTT-2.1.3-1] SUBACK flags', 4, 'client', '91 03 0001 00', MALFORMED],
  ['[MQTT-3.10.1-1] UNSUBSCRIBE flags', 5, 'server', 'a0 06 0001 00 0001 61', MALFORMED],
  ['[MQTT-2.1.3-1] UNSUBACK flags', 4, 'client', 'b2 02 0001', MALFORMED],
  ['[MQTT-2.1.3-1] PINGREQ flags', 4, 'server', 'c1 00', MALFORMED],
  ['[MQTT-2.1.3-1] PINGRESP flags', 5, 'client', 'd4 00', MALFORMED],
  ['[MQTT-3.14.1-1] DISCONNECT flags', 4, 'server', 'e2 00', MALFORMED],
  ['[MQTT-3.15.1-1] AUTH flags', 5, 'server', 'f1 00', MALFORMED],
  ['[MQTT-2.1.3-1] CONNECT flags', 5, 'server', '11 0e 0004 4d515454 05 02 003c 00 0001 63', MALFORMED],
  ['[MQTT-2.1.3-1] CONNACK flags', 5, 'client', '22 03 00 00 00', MALFORMED],
  ['§1.5.5 remaining length of five bytes', 4, 'server', '30 80808080 01', MALFORMED],
  ['§1.5.5 remaining length that never ends', 5, 'server', '30 ffffffff', MALFORMED],
  ['[MQTT-1.5.5-1] remaining length of two bytes where one would do', 5, 'server', 'c0 8000', MALFORMED],
  ['§2.1.2 SUBACK from a client', 4, 'server', '90 03 0001 00', PROTOCOL],
  ['§2.1.2 UNSUBACK from a client', 5, 'server', 'b0 04 0001 00 00', PROTOCOL],
  ['§2.1.2 PINGRESP from a client', 4, 'server', 'd0 00', PROTOCOL],
  ['§2.1.2 SUBSCRIBE from a server', 4, 'client', '82 06 0001 0001 61 00', PROTOCOL],
  ['§2.1.2 UNSUBSCRIBE from a server', 5, 'client', 'a2 06 0001 00 0001 61', PROTOCOL],
  ['§2.1.2 PINGREQ from a server', 5, 'client', 'c0 00', PROTOCOL],
  ['3.1.1 §3.14 DISCONNECT from a server', 4, 'client', 'e0 00', PROTOCOL],
]

const CONNECT: readonly Row[] = [
  ['[MQTT-3.1.2-1] protocol name', 4, 'server', '10 0d 0004 4d515458 04 02 003c 0001 63', VERSION],
  ['[MQTT-3.1.2-1] protocol name is case-sensitive', 5, 'server', '10 0e 0004 6d717474 05 02 003c 00 0001 63', VERSION],
  ['[MQTT-3.1.2-2] MQTT 3.1', 4, 'server', '10 0f 0006 4d5149736470 03 02 003c 0001 63', VERSION],
  ['[MQTT-3.1.2-2] level 3', 4, 'server', '10 0d 0004 4d515454 03 02 003c 0001 63', VERSION],
  ['[MQTT-3.1.2-2] level 6', 5, 'server', '10 0e 0004 4d515454 06 02 003c 00 0001 63', VERSION],
  ['[MQTT-3.1.2-2] bridge bit in the level', 4, 'server', '10 0d 0004 4d515454 84 02 003c 0001 63', VERSION],
  ['[MQTT-3.1.2-3] reserved flag', 4, 'server', '10 0d 0004 4d515454 04 03 003c 0001 63', MALFORMED],
  ['[MQTT-3.1.2-3] reserved flag', 5, 'server', '10 0e 0004 4d515454 05 03 003c 00 0001 63', MALFORMED],
  ['[MQTT-3.1.2-11] will QoS without will', 5, 'server', '10 0e 0004 4d515454 05 0a 003c 00 0001 63', MALFORMED],
  ['[MQTT-3.1.2-13] will retain without will', 5, 'server', '10 0e 0004 4d515454 05 22 003c 00 0001 63', MALFORMED],
  ['3.1.1 [MQTT-3.1.2-13] will QoS without will', 4, 'server', '10 0d 0004 4d515454 04 12 003c 0001 63', MALFORMED],
  ['3.1.1 [MQTT-3.1.2-15] will retain without will', 4, 'server', '10 0d 0004 4d515454 04 22 003c 0001 63', MALFORMED],
  [
    '[MQTT-3.1.2-12] will QoS 3',
    5,
    'server',
    '10 15 0004 4d515454 05 1e 003c 00 0001 63 00 0001 77 0001 78',
    MALFORMED,
  ],
  [
    '3.1.1 [MQTT-3.1.2-14] will QoS 3',
    4,
    'server',
    '10 13 0004 4d515454 04 1e 003c 0001 63 0001 77 0001 78',
    MALFORMED,
  ],
  [
    '3.1.1 [MQTT-3.1.2-22] password without user name',
    4,
    'server',
    '10 10 0004 4d515454 04 42 003c 0001 63 0001 70',
    MALFORMED,
  ],
  [
    '3.1.1 [MQTT-3.1.3-8] no client identifier without clean session',
    4,
    'server',
    '10 0c 0004 4d515454 04 00 003c 0000',
    CLIENT_ID,
  ],
  [
    '[MQTT-3.1.3-4] client identifier is not UTF-8',
    5,
    'server',
    '10 0e 0004 4d515454 05 02 003c 00 0001 ff',
    MALFORMED,
  ],
  ['[MQTT-1.5.4-2] U+0000 in the client identifier', 4, 'server', '10 0d 0004 4d515454 04 02 003c 0001 00', MALFORMED],
  ['[MQTT-4.7.3-1] empty will topic', 4, 'server', '10 11 0004 4d515454 04 06 003c 0001 63 0000 0000', TOPIC_NAME],
  [
    '[MQTT-3.3.2-2] wildcard in the will topic',
    4,
    'server',
    '10 12 0004 4d515454 04 06 003c 0001 63 0001 23 0000',
    TOPIC_NAME,
  ],
  [
    '[MQTT-3.3.2-2] wildcard in the will topic',
    5,
    'server',
    '10 14 0004 4d515454 05 06 003c 00 0001 63 00 0001 2b 0000',
    TOPIC_NAME,
  ],
  [
    '[MQTT-3.1.3-12] user name is not UTF-8',
    5,
    'server',
    '10 11 0004 4d515454 05 82 003c 00 0001 63 0001 c0',
    MALFORMED,
  ],
  ['§2.1.4 nothing in it', 4, 'server', '10 00', MALFORMED],
  ['§2.1.4 ends in the protocol name', 4, 'server', '10 04 0004 4d51', MALFORMED],
  ['§2.1.4 ends before the level', 4, 'server', '10 06 0004 4d515454', MALFORMED],
  ['§2.1.4 ends before the flags', 4, 'server', '10 07 0004 4d515454 04', MALFORMED],
  ['§2.1.4 ends in the keep alive', 4, 'server', '10 09 0004 4d515454 04 02 00', MALFORMED],
  ['§2.1.4 ends before the properties', 5, 'server', '10 0a 0004 4d515454 05 02 003c', MALFORMED],
  ['§2.1.4 ends before the client identifier', 5, 'server', '10 0b 0004 4d515454 05 02 003c 00', MALFORMED],
  ['§2.1.4 ends before the will', 4, 'server', '10 0d 0004 4d515454 04 06 003c 0001 63', MALFORMED],
  ['§2.1.4 ends in the will payload', 4, 'server', '10 13 0004 4d515454 04 06 003c 0001 63 0001 77 0002 78', MALFORMED],
  ['§2.1.4 ends before the user name', 4, 'server', '10 0d 0004 4d515454 04 82 003c 0001 63', MALFORMED],
  ['§2.1.4 ends before the password', 4, 'server', '10 10 0004 4d515454 04 c2 003c 0001 63 0001 75', MALFORMED],
  ['§2.1.4 bytes after the last field', 4, 'server', '10 0e 0004 4d515454 04 02 003c 0001 63 00', MALFORMED],
  [
    '§3.1.2.11.10 authentication data without method',
    5,
    'server',
    '10 12 0004 4d515454 05 02 003c 04 16 0001 ff 0001 63',
    PROTOCOL,
  ],
]

const CONNACK: readonly Row[] = [
  ['[MQTT-3.2.2-1] reserved flags', 4, 'client', '20 02 02 00', MALFORMED],
  ['[MQTT-3.2.2-1] reserved flags', 5, 'client', '20 03 80 00 00', MALFORMED],
  ['[MQTT-3.2.2-6] session present with a refusal', 5, 'client', '20 03 01 80 00', PROTOCOL],
  ['3.1.1 [MQTT-3.2.2-4] session present with a refusal', 4, 'client', '20 02 01 02', PROTOCOL],
  ['3.1.1 §3.2.2.3 reserved return code', 4, 'client', '20 02 00 06', PROTOCOL],
  ['[MQTT-3.2.2-8] reason code of SUBACK', 5, 'client', '20 03 00 01 00', PROTOCOL],
  ['§2.1.4 ends before the return code', 4, 'client', '20 01 00', MALFORMED],
  ['§2.1.4 ends before the properties', 5, 'client', '20 02 00 00', MALFORMED],
  ['§2.1.4 bytes after the last field', 4, 'client', '20 03 00 00 00', MALFORMED],
]

const PUBLISH: readonly Row[] = [
  ['[MQTT-3.3.1-4] QoS 3', 4, 'server', '36 05 0001 61 0001', MALFORMED],
  ['[MQTT-3.3.1-4] QoS 3 with DUP and RETAIN', 5, 'client', '3f 06 0001 61 0001 00', MALFORMED],
  ['[MQTT-3.3.1-2] DUP with QoS 0', 4, 'server', '38 03 0001 61', MALFORMED],
  ['[MQTT-3.3.1-2] DUP with QoS 0, retained', 5, 'server', '39 04 0001 61 00', MALFORMED],
  ['[MQTT-2.2.1-3] packet identifier 0', 4, 'server', '32 05 0001 61 0000', PROTOCOL],
  ['[MQTT-2.2.1-4] packet identifier 0 from a server', 5, 'client', '34 06 0001 61 0000 00', PROTOCOL],
  ['[MQTT-3.3.2-2] # in the topic', 4, 'server', '30 05 0003 612f23', TOPIC_NAME],
  ['[MQTT-3.3.2-2] + in the topic', 5, 'server', '30 06 0003 2b2f61 00', TOPIC_NAME],
  ['[MQTT-4.7.3-1] empty topic', 4, 'server', '30 02 0000', TOPIC_NAME],
  ['§3.3.2.1 empty topic without alias', 5, 'server', '30 03 0000 00', PROTOCOL],
  ['§3.3.2.3.4 alias that stands for nothing', 5, 'server', '30 06 0000 03 23 0001', PROTOCOL],
  ['[MQTT-3.3.2-8] alias 0', 5, 'server', '30 07 0001 61 03 23 0000', PROTOCOL],
  ['[MQTT-3.3.2-9] alias above the maximum', 5, 'server', '30 07 0001 61 03 23 000b', TOPIC_ALIAS],
  ['§3.3.2.3.4 alias given twice', 5, 'server', '30 0a 0001 61 06 23 0001 23 0001', PROTOCOL],
  ['[MQTT-3.3.4-6] subscription identifier from a client', 5, 'server', '30 06 0001 61 02 0b 01', PROTOCOL],
  ['§3.3.2.3.8 subscription identifier 0', 5, 'client', '30 06 0001 61 02 0b 00', PROTOCOL],
  ['[MQTT-3.3.2-14] wildcard in the response topic', 5, 'server', '30 08 0001 61 04 08 0001 23', PROTOCOL],
  ['[MQTT-3.3.2-14] empty response topic', 5, 'server', '30 07 0001 61 03 08 0000', PROTOCOL],
  ['[MQTT-1.5.4-2] U+0000 in the topic', 4, 'server', '30 05 0003 610062', MALFORMED],
  ['[MQTT-1.5.4-1] high surrogate', 4, 'server', '30 05 0003 eda080', MALFORMED],
  ['[MQTT-1.5.4-1] low surrogate', 5, 'server', '30 06 0003 edbfbf 00', MALFORMED],
  ['[MQTT-1.5.4-1] surrogate pair in six bytes', 4, 'server', '30 08 0006 eda080edb080', MALFORMED],
  ['[MQTT-1.5.4-1] overlong U+0000', 4, 'server', '30 04 0002 c080', MALFORMED],
  ['[MQTT-1.5.4-1] overlong slash', 4, 'server', '30 05 0003 e080af', MALFORMED],
  ['[MQTT-1.5.4-1] above U+10FFFF', 4, 'server', '30 06 0004 f4908080', MALFORMED],
  ['[MQTT-1.5.4-1] five-byte sequence', 4, 'server', '30 07 0005 f888808080', MALFORMED],
  ['[MQTT-1.5.4-1] continuation byte alone', 4, 'server', '30 03 0001 80', MALFORMED],
  ['[MQTT-1.5.4-1] cut sequence', 4, 'server', '30 04 0002 e282', MALFORMED],
  ['§2.1.4 no topic length', 4, 'server', '30 01 00', MALFORMED],
  ['§2.1.4 nothing in it', 5, 'server', '30 00', MALFORMED],
  ['§2.1.4 topic longer than the packet', 4, 'server', '30 04 0003 6162', MALFORMED],
  ['§2.1.4 ends in the packet identifier', 4, 'server', '32 04 0001 61 00', MALFORMED],
  ['§2.1.4 ends before the properties', 5, 'server', '30 03 0001 61', MALFORMED],
]

const ACKS: readonly Row[] = [
  ['[MQTT-2.2.1-3] PUBACK with packet identifier 0', 4, 'server', '40 02 0000', PROTOCOL],
  ['[MQTT-2.2.1-3] PUBREC with packet identifier 0', 5, 'client', '50 02 0000', PROTOCOL],
  ['[MQTT-2.2.1-3] PUBREL with packet identifier 0', 4, 'server', '62 02 0000', PROTOCOL],
  ['[MQTT-2.2.1-3] PUBCOMP with packet identifier 0', 4, 'client', '70 02 0000', PROTOCOL],
  ['3.1.1 §3.4.1 PUBACK with a reason code', 4, 'server', '40 03 0001 00', MALFORMED],
  ['3.1.1 §3.5.1 PUBREC of one byte', 4, 'server', '50 01 00', MALFORMED],
  ['§2.1.4 PUBREL of no byte', 5, 'server', '62 00', MALFORMED],
  ['[MQTT-3.4.2-1] PUBACK with a code of PUBREL', 5, 'server', '40 03 0001 92', PROTOCOL],
  ['[MQTT-3.5.2-1] PUBREC with code 1', 5, 'server', '50 03 0001 01', PROTOCOL],
  ['[MQTT-3.6.2-1] PUBREL with a code of PUBACK', 5, 'server', '62 03 0001 10', PROTOCOL],
  ['[MQTT-3.7.2-1] PUBCOMP with code 0x80', 5, 'server', '70 03 0001 80', PROTOCOL],
  ['§2.2.2.1 PUBACK properties longer than the packet', 5, 'server', '40 05 0001 00 05 1f', MALFORMED],
  ['§2.1.4 PUBACK with bytes after its properties', 5, 'server', '40 05 0001 00 00 00', MALFORMED],
]

const SUBSCRIBE: readonly Row[] = [
  ['[MQTT-3.8.3-2] no topic filter', 4, 'server', '82 02 0001', PROTOCOL],
  ['[MQTT-3.8.3-2] no topic filter', 5, 'server', '82 03 0001 00', PROTOCOL],
  ['[MQTT-2.2.1-3] packet identifier 0', 4, 'server', '82 06 0000 0001 61 00', PROTOCOL],
  ['3.1.1 [MQTT-3-8.3-4] reserved option bits', 4, 'server', '82 06 0001 0001 61 04', MALFORMED],
  ['[MQTT-3.8.3-5] reserved option bit 6', 5, 'server', '82 07 0001 00 0001 61 40', MALFORMED],
  ['[MQTT-3.8.3-5] reserved option bit 7', 5, 'server', '82 07 0001 00 0001 61 81', MALFORMED],
  ['3.1.1 [MQTT-3-8.3-4] QoS 3', 4, 'server', '82 06 0001 0001 61 03', PROTOCOL],
  ['§3.8.3.1 QoS 3', 5, 'server', '82 07 0001 00 0001 61 03', PROTOCOL],
  ['§3.8.3.1 retain handling 3', 5, 'server', '82 07 0001 00 0001 61 30', PROTOCOL],
  [
    '[MQTT-3.8.3-4] no local on a shared subscription',
    5,
    'server',
    '82 10 0001 00 000a 2473686172652f672f61 04',
    PROTOCOL,
  ],
  ['§3.8.2.1.2 subscription identifier 0', 5, 'server', '82 09 0001 02 0b 00 0001 61 00', PROTOCOL],
  ['§3.8.2.1.2 subscription identifier given twice', 5, 'server', '82 0b 0001 04 0b 01 0b 01 0001 61 00', PROTOCOL],
  ['§1.5.5 subscription identifier of five bytes', 5, 'server', '82 0d 0001 06 0b ffffffff 7f 0001 61 00', MALFORMED],
  [
    '[MQTT-1.5.5-1] subscription identifier in more bytes than needed',
    5,
    'server',
    '82 0a 0001 03 0b 8100 0001 61 00',
    MALFORMED,
  ],
  ['[MQTT-3.8.3-1] filter is not UTF-8', 4, 'server', '82 06 0001 0001 ff 00', MALFORMED],
  ['[MQTT-4.7.3-2] U+0000 in the filter', 4, 'server', '82 06 0001 0001 00 00', MALFORMED],
  ['§2.1.4 ends before the options', 4, 'server', '82 05 0001 0001 61', MALFORMED],
  ['§2.1.4 ends in the second filter', 4, 'server', '82 09 0001 0001 61 00 0002 61', MALFORMED],
]

const REST: readonly Row[] = [
  ['3.1.1 [MQTT-3.9.3-2] SUBACK with return code 3', 4, 'client', '90 03 0001 03', PROTOCOL],
  ['[MQTT-3.9.3-2] SUBACK with code 0x11', 5, 'client', '90 04 0001 00 11', PROTOCOL],
  ['[MQTT-3.8.4-6] SUBACK without reason code', 4, 'client', '90 02 0001', PROTOCOL],
  ['[MQTT-2.2.1-5] SUBACK with packet identifier 0', 4, 'client', '90 03 0000 00', PROTOCOL],
  ['[MQTT-3.10.3-2] UNSUBSCRIBE without topic filter', 4, 'server', 'a2 02 0001', PROTOCOL],
  ['[MQTT-3.10.3-2] UNSUBSCRIBE without topic filter', 5, 'server', 'a2 03 0001 00', PROTOCOL],
  ['[MQTT-2.2.1-3] UNSUBSCRIBE with packet identifier 0', 5, 'server', 'a2 06 0000 00 0001 61', PROTOCOL],
  ['[MQTT-3.10.3-1] UNSUBSCRIBE with a filter that is not UTF-8', 4, 'server', 'a2 05 0001 0001 c1', MALFORMED],
  ['§2.1.4 UNSUBSCRIBE that ends in a filter', 4, 'server', 'a2 05 0001 0002 61', MALFORMED],
  ['[MQTT-3.11.3-2] UNSUBACK with code 1', 5, 'client', 'b0 04 0001 00 01', PROTOCOL],
  ['[MQTT-3.11.3-1] UNSUBACK without reason code', 5, 'client', 'b0 03 0001 00', PROTOCOL],
  ['3.1.1 §3.11.3 UNSUBACK with a payload', 4, 'client', 'b0 03 0001 00', MALFORMED],
  ['§3.12.1 PINGREQ with a byte', 4, 'server', 'c0 01 00', MALFORMED],
  ['§3.13.1 PINGRESP with a byte', 5, 'client', 'd0 01 00', MALFORMED],
  ['3.1.1 §3.14.1 DISCONNECT with a byte', 4, 'server', 'e0 01 00', MALFORMED],
  ['[MQTT-3.14.2-1] DISCONNECT of a client with code 1', 5, 'server', 'e0 01 01', PROTOCOL],
  ['[MQTT-3.14.2-1] DISCONNECT of a client with a code of servers', 5, 'server', 'e0 01 8b', PROTOCOL],
  ['[MQTT-3.14.2-1] DISCONNECT of a server with will message', 5, 'client', 'e0 01 04', PROTOCOL],
  ['[MQTT-3.14.2-2] DISCONNECT of a server with session expiry', 5, 'client', 'e0 07 80 05 11 00000001', PROTOCOL],
  ['§2.2.2.1 DISCONNECT with properties longer than the packet', 5, 'server', 'e0 03 00 05 11', MALFORMED],
  ['§2.1.4 DISCONNECT with bytes after its properties', 5, 'server', 'e0 03 00 00 00', MALFORMED],
  ['[MQTT-3.15.2-1] AUTH of a client with success', 5, 'server', 'f0 06 00 04 15 0001 6d', PROTOCOL],
  ['[MQTT-3.15.2-1] AUTH of a server that re-authenticates', 5, 'client', 'f0 06 19 04 15 0001 6d', PROTOCOL],
  ['§3.15.2.2.2 AUTH without method', 5, 'server', 'f0 02 18 00', PROTOCOL],
  ['§2.1.4 AUTH of a client with nothing in it', 5, 'server', 'f0 00', MALFORMED],
  ['§2.2.2.2 unknown property 0x00', 5, 'server', '30 06 0001 61 02 00 00', MALFORMED],
  ['§2.2.2.2 unknown property 0x7f', 5, 'server', '30 06 0001 61 02 7f 00', MALFORMED],
  ['§2.2.2.2 unknown property of two bytes', 5, 'server', '30 07 0001 61 03 ff01 00', MALFORMED],
  ['[MQTT-1.5.5-1] property identifier in two bytes', 5, 'server', '30 07 0001 61 03 8100 01', MALFORMED],
  ['[MQTT-1.5.5-1] property length in two bytes where one would do', 5, 'server', '30 05 0001 61 8000', MALFORMED],
  ['§2.2.2.1 properties longer than the packet', 5, 'server', '30 06 0001 61 03 01 00', MALFORMED],
  ['§2.2.2.1 property longer than the properties', 5, 'server', '30 09 0001 61 02 02 0000003c', MALFORMED],
  ['§2.2.2.1 text property longer than the properties', 5, 'server', '30 08 0001 61 03 03 0001 61', MALFORMED],
  ['[MQTT-1.5.4-1] text property is not UTF-8', 5, 'server', '30 08 0001 61 04 03 0001 ff', MALFORMED],
  ['[MQTT-1.5.7-1] user property name has U+0000', 5, 'server', '30 0b 0001 61 07 26 0001 00 0001 61', MALFORMED],
  ['[MQTT-1.5.7-1] user property value is not UTF-8', 5, 'server', '30 0b 0001 61 07 26 0001 61 0001 80', MALFORMED],
]

const ROWS: readonly (readonly [string, Row])[] = Object.entries({
  FIXED_HEADER,
  CONNECT,
  CONNACK,
  PUBLISH,
  ACKS,
  SUBSCRIBE,
  REST,
}).flatMap(([group, rows]) => rows.map((row) => [`${group}: ${row[0]}, MQTT ${row[1]}, ${row[2]}`, row] as const))

describe.each(ROWS)('%s', (_name, [, version, role, bytes, reasonCode]) => {
  it('is refused with its reason code', () => {
    const result = decodeOne(role, version, hex(bytes))
    expect(result.error).toBeInstanceOf(DecodeError)
    expect(result.error?.reasonCode.toString(16)).toBe(reasonCode.toString(16))
    expect(result.error?.message).toMatch(/\[MQTT-|§/)
    expect(result.packets).toEqual([])
  })

  it('is refused just so in pieces, and nothing after it is decoded', () => {
    const whole = Buffer.concat([hex(bytes), hex('c000 c000 d000 d000')])
    const result = decodeChunks(
      role,
      version,
      Array.from(whole, (byte) => Buffer.from([byte])),
    )
    expect(result.error?.message).toBe(decodeOne(role, version, hex(bytes)).error?.message)
    expect(result.packets).toEqual([])
  })
})

it('has at least 100 rows', () => {
  expect(ROWS.length).toBeGreaterThanOrEqual(100)
})

describe('an unsupported protocol', () => {
  it.each([
    ['MQTT 3.1', '10 0f 0006 4d5149736470 03 02 003c 0001 63', 3, 4],
    ['level 6', '10 0e 0004 4d515454 06 02 003c 00 0001 63', 6, 5],
    ['a bridge of level 4', '10 0d 0004 4d515454 84 02 003c 0001 63', 0x84, 4],
    ['a bridge of level 5', '10 0e 0004 4d515454 85 02 003c 00 0001 63', 0x85, 5],
  ] as const)('tells the level and the version to answer in: %s', (_name, bytes, level, version) => {
    const collector = new Collector()
    const decoder = newDecoder('server', 4, collector)
    decoder.push(hex(bytes))
    expect(collector.error?.protocolLevel).toBe(level)
    expect(decoder.version).toBe(version)
  })

  it('has no level in other errors', () => {
    expect(decodeOne('server', 4, hex('10 00')).error?.protocolLevel).toBeNull()
  })
})

it('knows the version of a CONNECT that is broken behind its level', () => {
  const collector = new Collector()
  const decoder = newDecoder('server', 4, collector)
  decoder.push(hex('10 0e 0004 4d515454 05 03 003c 00 0001 63'))
  expect(collector.error).not.toBeNull()
  expect(decoder.version).toBe(5)
})
