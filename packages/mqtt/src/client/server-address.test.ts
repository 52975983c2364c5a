import { describe, expect, it } from 'vitest'
import { serverAddress } from './server-address.ts'

describe('the address of options.server', () => {
  it.each([
    ['mqtt://broker', 'broker', 1883],
    ['mqtt://broker:1', 'broker', 1],
    ['mqtt://broker.example.com:65535/', 'broker.example.com', 65_535],
    ['mqtts://broker', 'broker', 8883],
    ['mqtt://127.0.0.1:1884', '127.0.0.1', 1884],
    ['mqtt://[::1]', '::1', 1883],
    ['mqtts://[2001:db8::1]:1883', '2001:db8::1', 1883],
  ])('%s', (uri, host, port) => {
    expect(serverAddress(uri)).toEqual({ host, port })
  })

  it.each([
    'broker:1883',
    'http://broker',
    'mqtt://',
    'mqtt://:1883',
    'mqtt://broker:0',
    'mqtt://broker:65536',
    'mqtt://broker:x',
    'mqtt://user@broker',
    'mqtt://broker/topic',
    'mqtt://::1',
  ])('%s is none', (uri) => {
    expect(() => serverAddress(uri)).toThrow(RangeError)
  })
})
