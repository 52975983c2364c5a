/** What routes say of Kafka topics and records: publishes to them, and what subscribers get back from there. */
import type { Session } from '@zilla-ts/engine'
import { HeaderCursor } from '@zilla-ts/kafka'
import type { Mqtt, PublishMeta } from '@zilla-ts/mqtt'
import { Recorder } from '@zilla-ts/testing'
import { describe, expect, it } from 'vitest'
import type { StoredRecord } from './memory-kafka.ts'
import { type Client, Rig, type RigOptions } from './rig.ts'

type RouteOf = NonNullable<RigOptions['routes']>[number]

const RECORDS: RouteOf = {
  when: [{ publish: [{ topic: 'd/{device}/{kind}' }] }, { subscribe: [{ topic: 'd/#' }] }],
  with: {
    expiry: true,
    key: '${params.device}',
    partition: '${client-id}',
    headers: { kind: '${params.kind}', topic: '${topic}', who: '${identity}' },
  },
}
const TENANTS: RouteOf = {
  when: [{ publish: [{ topic: 'own/#' }] }, { subscribe: [{ topic: 'own/#' }] }],
  with: { expiry: true, messages: 'tenant-${identity}' },
}

function named(identity: string): Session {
  return { guard: 'test:guard', earlier: null, identity, roles: [], attributes: {}, expiresAt: null }
}

/** A client that a guard knows: its streams carry who it is. */
function known(
  rig: Rig,
  clientId: string,
  identity: string,
): { publisher: Recorder<Mqtt>; subscriber: Recorder<Mqtt> } {
  const who = named(identity)
  rig.session(clientId, {}, who)
  rig.clock.turn()
  const publisher = rig.open({ kind: 'publish', clientId, version: 5 }, new Recorder<Mqtt>(), who)
  const subscriber = rig.open({ kind: 'subscribe', clientId, version: 5, resume: [] }, new Recorder<Mqtt>(), who)
  subscriber.stream!.grant(1_000_000)
  rig.clock.turn()
  return { publisher, subscriber }
}

function publish(publisher: Recorder<Mqtt>, topic: string, payload: string, retain = false): void {
  const meta: PublishMeta = { topic, qos: 1, retain, properties: null, packetId: 1, dup: false }
  publisher.stream!.write(Buffer.from(payload), meta)
}

function subscribe(rig: Rig, subscriber: Recorder<Mqtt>, filter: string): void {
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 } as const
  subscriber.stream!.signal({ kind: 'subscribe', subscriptions: [{ filter, ...options }] })
  rig.clock.turn()
}

function headersOf(record: StoredRecord): string[] {
  const cursor = new HeaderCursor()
  cursor.reset(record.headers, record.headerCount)
  const headers: string[] = []
  while (cursor.next()) headers.push(`${cursor.name()}=${cursor.valueText()}`)
  return headers
}

const payloads = (subscriber: Recorder<Mqtt>) => subscriber.data.map(({ payload }) => payload.toString())

async function started(options: RigOptions, ...topics: string[]): Promise<Rig> {
  const rig = new Rig(options)
  for (const topic of topics) rig.kafka.add(topic)
  return rig.start()
}

function subscribed(rig: Rig, clientId: string, ...filters: string[]): Client {
  const client = rig.client(clientId)
  client.subscribe(...filters)
  rig.clock.turn()
  return client
}

describe('records of a route', () => {
  it('have its key and headers, go where it says, and come back with their MQTT topic', async () => {
    const rig = await started({ routes: [RECORDS], partitions: 7 })
    const reader = subscribed(rig, 'reader', 'd/7/+')
    const writer = rig.client('writer')
    writer.publish('d/7/state', 'x', 1, false, { userProperties: [['kind', 'other']] })
    writer.publish('d/8/state', 'y', 1)
    const [record, other] = rig.kafka.topic('messages').records
    expect(String(record!.key)).toBe('7')
    expect(headersOf(record!)).toEqual([
      'zilla:topic=d/7/state',
      'zilla:filter=d',
      'zilla:filter=7',
      'zilla:filter=state',
      'zilla:local=writer',
      'kind=state',
      'topic=d/7/state',
      'zilla:user:kind=other',
      'zilla:qos=1',
    ])
    expect(String(other!.key)).toBe('8')
    // One client's are together, whatever the key.
    expect(
      rig.kafka
        .topic('messages')
        .partitions.map((records) => records.length)
        .sort(),
    ).toEqual([0, 0, 0, 0, 0, 0, 2])
    expect(reader.texts).toEqual(['d/7/state=x'])
    const [delivery] = reader.subscriber.data
    expect(delivery!.meta).toMatchObject({
      delivery: {
        message: {
          properties: {
            userProperties: [
              ['kind', 'state'],
              ['topic', 'd/7/state'],
              ['kind', 'other'],
            ],
          },
        },
      },
    })
  })

  it('are retained under their MQTT topic, and delivered once', async () => {
    const rig = await started({ routes: [RECORDS], partitions: 7 })
    const writer = rig.client('writer')
    writer.publish('d/7/state', 'x', 1, true)
    const [copy] = rig.kafka.topic('retained').records
    expect([String(copy!.key), String(copy!.value)]).toEqual(['d/7/state', 'x'])
    const reader = subscribed(rig, 'reader', 'd/#')
    expect(reader.texts).toEqual(['R:d/7/state=x'])
    writer.publish('d/7/state', '', 1, true)
    expect(rig.kafka.topic('retained').records.map(({ key, value }) => [String(key), value])).toContainEqual([
      'd/7/state',
      null,
    ])
    expect(subscribed(rig, 'late', 'd/#').texts).toEqual([])
  })

  it('are stored once with QoS 2, though the connection and the process end before PUBREC', async () => {
    const rig = await started({ routes: [RECORDS] })
    const options = { cleanStart: false, expirySeconds: 100 }
    const writer = rig.client('writer', options)
    rig.clock.turn()
    writer.publishAs(9, 'd/7/state', 'x')
    rig.clock.turn()
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    const again = await rig.crashed()
    rig.clock.advance(20_000)
    const back = again.client('writer', options)
    rig.clock.advance(20_000)
    back.publishAs(9, 'd/7/state', 'x', true)
    rig.clock.advance(20_000)
    expect(rig.kafka.topic('messages').records).toHaveLength(1)
    expect(again.faults()).toEqual([])
  })
})

describe('Kafka topics named by who the client is', () => {
  it('keep what one publishes from the others', async () => {
    const rig = await started({ routes: [TENANTS, {}] }, 'tenant-ann', 'tenant-bob')
    const [ann, annToo, bob] = [known(rig, 'a', 'ann'), known(rig, 'a2', 'ann'), known(rig, 'b', 'bob')]
    for (const { subscriber } of [ann, annToo, bob]) subscribe(rig, subscriber, 'own/#')
    publish(ann.publisher, 'own/x', 'of ann')
    publish(bob.publisher, 'own/x', 'of bob')
    expect([ann, annToo, bob].map(({ subscriber }) => payloads(subscriber))).toEqual([
      ['of ann'],
      ['of ann'],
      ['of bob'],
    ])
    expect(rig.kafka.topic('messages').records).toEqual([])
  })

  it('retain nothing, and see nothing that is retained by others', async () => {
    const rig = await started({ routes: [TENANTS] }, 'tenant-ann')
    rig.kafka.topic('retained').append('own/x', 'of somebody')
    const ann = known(rig, 'a', 'ann')
    publish(ann.publisher, 'own/x', 'of ann', true)
    expect(ann.publisher.acks).toMatchObject([{ through: 1, refused: { code: 'invalid' } }])
    subscribe(rig, ann.subscriber, 'own/#')
    expect(payloads(ann.subscriber)).toEqual([])
    expect(rig.kafka.topic('retained').records).toHaveLength(1)
  })

  it('share nothing with others by a group of the same name', async () => {
    const rig = await started({ routes: [TENANTS] }, 'tenant-ann', 'tenant-bob')
    const [ann, bob] = [known(rig, 'a', 'ann'), known(rig, 'b', 'bob')]
    for (const { subscriber } of [ann, bob]) subscribe(rig, subscriber, '$share/g/own/#')
    for (const text of ['1', '2', '3']) publish(ann.publisher, 'own/x', text)
    expect([payloads(ann.subscriber), payloads(bob.subscriber)]).toEqual([['1', '2', '3'], []])
  })

  it('take nothing of whom nobody knows', async () => {
    const rig = await started({ routes: [TENANTS] }, 'tenant-ann')
    const client = subscribed(rig, 'c', 'own/#')
    expect(client.answers).toEqual([{ kind: 'subscribed', reasonCodes: [0x87] }])
    client.publish('own/x', 'x', 1)
    expect(client.publisher.acks).toMatchObject([{ through: 1, refused: { code: 'not-authorized' } }])
  })
})
