/** Subscriptions that begin in the past, by clients of others, on both kinds of storage. */
import type { MqttClient, Packet } from 'mqtt'
import { describe, expect, it, vi } from 'vitest'
import { kafkaBootstrap } from '../../../scripts/test-environment.mjs'
import { mqttClient, mqttDocument, type StorageKind, startEngine } from './fixture.ts'

const bootstrap = await kafkaBootstrap()
const storages: StorageKind[] = bootstrap === undefined ? ['embedded'] : ['embedded', 'kafka']

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 20_000)

type Suback = Extract<Packet, { cmd: 'suback' }>

/** The answer to a SUBSCRIBE with `zilla:from`. */
async function subscribe(client: MqttClient, filter: string, from: string): Promise<Suback> {
  const answer = new Promise<Suback>((resolve) => {
    client.on('packetreceive', (packet: Packet) => {
      if (packet.cmd === 'suback') resolve(packet)
    })
  })
  client.subscribe(filter, { qos: 1, properties: { userProperties: { 'zilla:from': from } } }, () => {})
  return answer
}

async function publish(client: MqttClient, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) await client.publishAsync(`t/${at % 3}`, String(at), { qos: at % 2 === 0 ? 0 : 1 })
  // QoS 0 has no answer: what comes behind it has.
  await client.publishAsync('end', '', { qos: 1 })
}

/** What a client gets of each topic, in its order. */
function inbox(client: MqttClient): Map<string, number[]> {
  const received = new Map<string, number[]>()
  client.on('message', (topic: string, payload: Buffer) => {
    received.set(topic, [...(received.get(topic) ?? []), Number(payload)])
  })
  return received
}

const numbers = (from: number, to: number, of: number) =>
  Array.from({ length: to - from }, (_, at) => from + at).filter((at) => at % 3 === of)
const expected = (from: number, to: number) => [0, 1, 2].map((of) => numbers(from, to, of))
const got = (received: ReadonlyMap<string, number[]>) => [0, 1, 2].map((of) => received.get(`t/${of}`) ?? [])
const count = (received: ReadonlyMap<string, number[]>) => got(received).flat().length

describe.each(storages)('a replay on %s', (storage) => {
  it('brings what was before and what comes meanwhile, each once and in order', async () => {
    const engine = await startEngine(mqttDocument(storage, bootstrap))
    const publisher = await mqttClient(engine.port)
    await publish(publisher, 0, 60)
    // The log's times are whole milliseconds: the next one is of no message yet.
    const before = Date.now()
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(before), { interval: 1 })
    const middle = new Date().toISOString()
    await publish(publisher, 60, 120)
    const [all, half] = [await mqttClient(engine.port), await mqttClient(engine.port)]
    const [fromStart, fromMiddle] = [inbox(all), inbox(half)]
    const going = publish(publisher, 120, 240)
    expect((await subscribe(all, 't/#', 'start')).granted).toEqual([1])
    expect((await subscribe(half, 't/+', middle)).granted).toEqual([1])
    await going
    await publish(publisher, 240, 243)
    await until(() => got(fromStart).every((list, of) => list.at(-1) === 240 + of))
    await until(() => got(fromMiddle).every((list, of) => list.at(-1) === 240 + of))
    expect(got(fromStart)).toEqual(expected(0, 243))
    expect(got(fromMiddle)).toEqual(expected(60, 243))
    expect(count(fromMiddle)).toBe(183)
  }, 60_000)

  it('refuses what it does not understand, with a reason for who wants one', async () => {
    const engine = await startEngine(mqttDocument(storage, bootstrap))
    const curious = await mqttClient(engine.port)
    const refused = await subscribe(curious, 't', 'yesterday')
    expect(refused.granted).toEqual([0x83])
    expect(refused.properties?.reasonString).toMatch(/^zilla:from is neither/)
    // [MQTT-3.1.2-29]
    const silent = await mqttClient(engine.port, { properties: { requestProblemInformation: false } })
    const short = await subscribe(silent, 't', 'yesterday')
    expect([short.granted, short.properties?.reasonString]).toEqual([[0x83], undefined])
  }, 60_000)
})
