import type { Will } from '@zilla-ts/mqtt'
import { expect, it } from 'vitest'
import { decodeWillValue, encodeWillValue } from './will-codec.ts'

it('keeps every property of a will, all bytes, repeats and order [MQTT-3.1.3-10]', () => {
  const will: Will = {
    topic: 'a/é',
    payload: Buffer.from(Array.from({ length: 256 }, (_, n) => n)),
    qos: 2,
    retain: true,
    properties: {
      payloadFormat: 1,
      messageExpirySeconds: 0xffff_ffff,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Buffer.from([0, 255, 1]),
      willDelaySeconds: 0xffff_ffff,
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '1'],
      ],
    },
  }
  expect(decodeWillValue(encodeWillValue(will))).toEqual(will)
})

it('keeps a will without properties or payload', () => {
  const will: Will = { topic: 't', payload: Buffer.alloc(0), qos: 0, retain: false, properties: null }
  expect(decodeWillValue(encodeWillValue(will))).toEqual(will)
})

it.each([
  'x',
  'null',
  '{"v":1}',
  '{"v":1,"topic":1,"qos":0,"retain":false,"payload":""}',
  '{"v":1,"topic":"t","qos":3,"retain":false,"payload":""}',
  '{"v":1,"topic":"t","qos":0,"retain":0,"payload":""}',
  '{"v":1,"topic":"t","qos":0,"retain":false}',
  '{"v":1,"topic":"t","qos":0,"retain":false,"payload":"","props":1}',
])('is no will: %s', (text) => {
  expect(decodeWillValue(Buffer.from(text))).toBeNull()
})
