/** `options.topics`: what the server does with publishes and wills whose content is not as their topic's model says. */
import type { Catalog } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { FakeClock, Harness, Recorder, wireBytes } from '@zilla-ts/testing'
import { describe, expect, test } from 'vitest'
import { mqtt } from '../src/binding.ts'
import type { MqttConfig, MqttTopic } from '../src/mqtt.config.ts'
import type { Capabilities, Mqtt, PublishMeta } from '../src/stream.ts'

const CONNECT_4 = "10 { 'MQTT' 04 02 0000 'c1' }"
const CONNECT_5 = "10 { 'MQTT' 05 02 0000 { } 'c1' }"

const CAPABILITIES: Capabilities = {
  sessionPresent: false,
  maximumQos: 2,
  retainAvailable: true,
  wildcardAvailable: true,
  subscriptionIdsAvailable: true,
  sharedAvailable: true,
  expirySecondsMax: 0,
  willAvailable: true,
  maximumPacketSize: 268_435_460,
}

const schemas: Catalog = {
  schema: (subject) => (subject === 'sensor' ? '{"type":"object","required":["id"]}' : null),
}

class Rig {
  readonly harness: Harness<MqttConfig, Bytes, Mqtt>

  constructor(topics: MqttTopic[]) {
    this.harness = new Harness<MqttConfig, Bytes, Mqtt>(mqtt, {
      kind: 'server',
      clock: new FakeClock(),
      options: { topics },
      catalogs: { schemas },
    })
    this.harness.exit.onOpen = (open, stream) => {
      if (open.kind === 'session') stream.accept({ kind: 'session', capabilities: CAPABILITIES, subscriptions: [] })
      else stream.accept({ kind: open.kind })
      stream.grant(10_000_000)
      return true
    }
  }

  /** A started server with one client that has sent `connect`. */
  static async connected(topics: MqttTopic[], connect = CONNECT_5): Promise<[rig: Rig, client: Recorder<Bytes>]> {
    const rig = new Rig(topics)
    await rig.harness.binding.start?.()
    const client = new Recorder<Bytes>()
    rig.harness.connect({}, client)?.grant(10_000_000)
    rig.send(client, connect)
    return [rig, client]
  }

  send(client: Recorder<Bytes>, bytes: string): void {
    client.stream?.write(wireBytes(bytes), undefined)
  }

  get published(): string[] {
    return this.harness.exit.opened
      .filter(({ open }) => open.kind === 'publish')
      .flatMap(({ recorder }) => recorder.data.map(({ meta, payload }) => `${(meta as PublishMeta).topic} ${payload}`))
  }

  count(name: string): number | undefined {
    return this.harness.reporter.counters.get(`mqtt.${name}`)?.value
  }

  events(): string[] {
    return this.harness.reporter.events.map(({ event, message }) => `${event} ${message}`)
  }
}

const received = (client: Recorder<Bytes>): string =>
  Buffer.concat(client.data.map(({ payload }) => payload)).toString('hex')

/** What the client is sent in answer to `bytes`. */
function answer(rig: Rig, client: Recorder<Bytes>, bytes: string): string {
  client.data.length = 0
  rig.send(client, bytes)
  return received(client)
}

const NUMBERS: MqttTopic[] = [{ name: 'n/#', content: 'int32' }]

describe('a payload that does not fit', () => {
  test('5: QoS 1 is answered 0x99 and not handed on (table 3-4)', async () => {
    const [rig, client] = await Rig.connected(NUMBERS)
    expect(answer(rig, client, '32 { \'n/1\' 0001 { } "x" }')).toBe('4003000199')
    expect([client.ended, rig.published, rig.count('publish.refused')]).toEqual([false, [], 1])
    expect(rig.events()).toEqual([
      'MQTT_PUBLISH_REFUSED the payload is not as its model says: no int32 in decimal text',
    ])
  })

  test('5: QoS 0 is dropped and counted, what follows is handed on', async () => {
    const [rig, client] = await Rig.connected(NUMBERS)
    expect(answer(rig, client, '30 { \'n/1\' { } "x" } 30 { \'n/1\' { } "7" }')).toBe('')
    expect([client.ended, rig.published, rig.count('publish.refused')]).toEqual([false, ['n/1 7'], 1])
  })

  test('3.1.1: QoS 1 closes the connection without PUBACK [MQTT-3.3.5-2]', async () => {
    const [rig, client] = await Rig.connected(NUMBERS, CONNECT_4)
    expect(answer(rig, client, '32 { \'n/1\' 0001 "x" }')).toBe('')
    expect([client.ended, rig.published, rig.count('publish.refused')]).toEqual([true, [], 1])
  })

  test('3.1.1: QoS 0 is dropped and counted', async () => {
    const [rig, client] = await Rig.connected(NUMBERS, CONNECT_4)
    rig.send(client, '30 { \'n/1\' "x" }')
    expect([client.ended, rig.published, rig.count('publish.refused')]).toEqual([false, [], 1])
  })

  test('is refused whatever name it came by: topic aliases are resolved before', async () => {
    const [rig, client] = await Rig.connected(NUMBERS)
    expect(answer(rig, client, '32 { \'n/1\' 0001 { 23 0001 } "x" } 32 { \'\' 0002 { 23 0001 } "x" }')).toBe(
      '40030001994003000299',
    )
    expect(rig.published).toEqual([])
  })

  test('passes a lenient model, counted and logged', async () => {
    const [rig, client] = await Rig.connected([{ name: 'n/#', content: { model: 'int32', validate: 'lenient' } }])
    expect(answer(rig, client, '32 { \'n/1\' 0001 { } "x" } 32 { \'n/1\' 0002 { } "7" }')).toBe('')
    expect([rig.published, rig.count('publish.unfit'), rig.count('publish.refused')]).toEqual([
      ['n/1 x', 'n/1 7'],
      1,
      0,
    ])
    expect(rig.events()).toEqual([expect.stringContaining('MQTT_PUBLISH_UNFIT')])
  })

  test('is refused by a model that is lenient to what goes to clients only', async () => {
    const model = { model: 'int32', validate: { encode: 'lenient' } } as const
    const [rig, client] = await Rig.connected([{ name: 'n/#', content: model }])
    expect(answer(rig, client, '32 { \'n/1\' 0001 { } "x" }')).toBe('4003000199')
  })
})

describe('a payload', () => {
  test('that fits is handed on', async () => {
    const [rig, client] = await Rig.connected(NUMBERS)
    rig.send(client, '32 { \'n/1\' 0001 { } "-5" } 30 { \'n/2\' { } "6" }')
    expect([rig.published, rig.count('publish.refused')]).toEqual([['n/1 -5', 'n/2 6'], 0])
  })

  test('of JSON is checked with the schema of a catalog', async () => {
    const content = { model: 'json', catalog: { schemas: [{ subject: 'sensor' }] } } satisfies MqttTopic['content']
    const [rig, client] = await Rig.connected([{ name: 's', content }])
    expect(answer(rig, client, "32 { 's' 0001 { } '{}' }")).toBe('4003000199')
    // {"id":1}
    rig.send(client, "30 { 's' { } 7b226964223a317d }")
    expect(rig.published).toEqual(['s {"id":1}'])
  })

  test('that is empty and retained clears what is retained [MQTT-3.3.1-6]: no model forbids that', async () => {
    const [rig, client] = await Rig.connected(NUMBERS)
    rig.send(client, "31 { 'n/1' { } }")
    expect([rig.published, rig.count('publish.refused')]).toEqual([['n/1 '], 0])
    rig.send(client, "30 { 'n/1' { } }")
    expect([rig.published, rig.count('publish.refused')]).toEqual([['n/1 '], 1])
  })

  test('is checked by the first entry whose filter matches the whole topic', async () => {
    const topics: MqttTopic[] = [
      { name: 'a/+/c', content: 'boolean' },
      { name: 'a/#', content: 'int32' },
      { name: 'free' },
      { name: '+', content: 'boolean' },
    ]
    const [rig, client] = await Rig.connected(topics)
    const fits = (topic: string, payload: string): boolean => {
      const before = rig.published.length
      rig.send(client, `30 { '${topic}' { } "${payload}" }`)
      return rig.published.length > before
    }
    const rows: [topic: string, payload: string, fits: boolean][] = [
      ['a/b/c', 'true', true],
      ['a/b/c', '1', false],
      ['a/b/c/d', '1', true],
      ['a/b/c/d', 'true', false],
      // `a/#` is for `a` as well (4.7.1.2)
      ['a', '1', true],
      ['a', 'true', false],
      ['free', 'anything', true],
      ['other', 'true', true],
      ['other', '1', false],
      // in the middle of a filter's match, and beyond all filters
      ['x/a/b/c', '?', true],
      ['xa/b', '?', true],
      // [MQTT-4.7.2-1]
      ['$other', '?', true],
    ]
    // twice: found, then remembered
    for (const [topic, payload, expected] of [...rows, ...rows]) {
      expect([topic, payload, fits(topic, payload)]).toEqual([topic, payload, expected])
    }
  })

  test('to ever new topics is checked as ever', async () => {
    const [rig, client] = await Rig.connected(NUMBERS)
    for (let i = 0; i < 3_000; i++) rig.send(client, `30 { 'n/${i}' { } "x" } 30 { 'm/${i}' { } "x" }`)
    const long = `n/${'x'.repeat(1_000)}`
    rig.send(client, `30 { '${long}' { } "x" } 30 { '${long}' { } "1" } 30 { 'n/0' { } "1" }`)
    expect([rig.published.length, rig.count('publish.refused')]).toEqual([3_002, 3_001])
  })
})

describe('user properties', () => {
  const TOPICS: MqttTopic[] = [
    { name: 't', 'user-properties': { unit: { model: 'string', pattern: '[a-z]+' }, count: 'int32' } },
  ]

  test.each([
    ['', true],
    ["26 'unit' 'ms'", true],
    ["26 'count' '5' 26 'unit' 'ms'", true],
    ["26 'other' 'MS'", true],
    ["26 'unit' 'MS'", false],
    ["26 'unit' 'ms' 26 'unit' 'MS'", false],
    ["26 'unit' 'ms' 26 'count' 'five'", false],
    ["26 'Unit' 'MS'", true],
  ])('%s: %s', async (properties, fits) => {
    const [rig, client] = await Rig.connected(TOPICS)
    expect(answer(rig, client, `32 { 't' 0001 { ${properties} } "x" }`)).toBe(fits ? '' : '4003000199')
    expect(rig.published.length).toBe(fits ? 1 : 0)
  })

  test('3.1.1 has none, so that nothing is amiss', async () => {
    const [rig, client] = await Rig.connected(TOPICS, CONNECT_4)
    rig.send(client, '30 { \'t\' "x" }')
    expect(rig.published).toEqual(['t x'])
  })
})

describe('a will', () => {
  const will = (topic: string, payload: string, properties = '') =>
    `10 { 'MQTT' 05 06 0000 { } 'c1' { ${properties} } '${topic}' ( "${payload}" ) }`

  test('5: that does not fit is refused at CONNECT with 0x99 and the reason (table 3-1)', async () => {
    const [rig, client] = await Rig.connected(NUMBERS, will('n/1', 'x'))
    const text = 'the will: the payload is not as its model says: no int32 in decimal text'
    expect(received(client)).toBe(wireBytes(`20 { 00 99 { 1f '${text}' } }`).toString('hex'))
    expect([client.ended, rig.harness.exit.opened.length]).toEqual([true, 0])
  })

  test('5: whose user property does not fit is refused as well', async () => {
    const topics: MqttTopic[] = [{ name: 't', 'user-properties': { count: 'int32' } }]
    const [, client] = await Rig.connected(topics, will('t', 'x', "26 'count' 'five'"))
    const text = 'the will: the user property count is not as its model says: no int32 in decimal text'
    expect(received(client)).toBe(wireBytes(`20 { 00 99 { 1f '${text}' } }`).toString('hex'))
    expect(client.ended).toBe(true)
  })

  test('3.1.1: that does not fit closes the connection without CONNACK, which has no code for it', async () => {
    const connect = "10 { 'MQTT' 04 06 0000 'c1' 'n/1' ( \"x\" ) }"
    const [rig, client] = await Rig.connected(NUMBERS, connect)
    expect([received(client), client.ended, rig.harness.exit.opened.length]).toEqual(['', true, 0])
  })

  test('that fits, or is for another topic, is accepted', async () => {
    for (const connect of [will('n/1', '5'), will('m/1', 'x')]) {
      const [rig, client] = await Rig.connected(NUMBERS, connect)
      expect([client.ended, rig.harness.exit.opened.map(({ open }) => open.kind)]).toEqual([false, ['session']])
    }
  })
})

describe('start', () => {
  test('fails by name when a catalog has no such schema', async () => {
    const content = { model: 'json', catalog: { schemas: [{ subject: 'other' }] } } satisfies MqttTopic['content']
    const rig = new Rig([{ name: 's/#', content }])
    await expect(rig.harness.binding.start?.()).rejects.toThrow(
      'options.topics, s/#: the catalog schemas has no subject other of version latest',
    )
  })

  test('without topics checks nothing', async () => {
    const [rig, client] = await Rig.connected([])
    rig.send(client, "30 { 'n/1' { } ff }")
    expect([rig.published.length, rig.count('publish.unfit')]).toEqual([1, undefined])
  })
})

describe('check', () => {
  test('names each fault where it stands', () => {
    const topics: MqttTopic[] = [
      {
        name: 'a/#',
        content: { model: 'string', pattern: '(' },
        'user-properties': { u: { model: 'int32', range: '[2,1]' } },
      },
      { name: 'a/#/b' },
      { name: 'fine/+', content: 'string' },
    ]
    const findings = mqtt.check?.({ type: 'mqtt', kind: 'server', options: { topics } as never, exit: 'x' }) ?? []
    expect(findings.map(({ level, path, code }) => [level, path.join('.'), code])).toEqual([
      ['error', 'options.topics.0.content.pattern', 'pattern-invalid'],
      ['error', 'options.topics.0.user-properties.u.range', 'range-invalid'],
      ['error', 'options.topics.1.name', 'topic-filter-invalid'],
    ])
  })
})
