import { StreamError } from '@zilla-ts/engine'
import { describe, expect, it } from 'vitest'
import { Rig } from './rig.ts'

const away = new StreamError('unavailable', 'no broker')

describe('start', () => {
  it('is ready when the topics are described and the retained map is loaded', async () => {
    const rig = new Rig()
    rig.kafka.topic('retained').append('a', 'x')
    await rig.start()
    expect(rig.binding.usage).toMatchObject({ retained: 1 })
    expect(rig.events()).toEqual(['MQTT_KAFKA_READY'])
    const c = rig.session('c')
    rig.clock.turn()
    expect(c.accepts).toHaveLength(1)
  })

  it('makes missing topics where that is wanted', async () => {
    const rig = await Rig.started({ bare: true, options: { create: { partitions: 3, replicas: 1 } } })
    const compact = {
      'cleanup.policy': 'compact',
      'segment.ms': '3600000',
      'segment.bytes': '67108864',
      'min.cleanable.dirty.ratio': '0.1',
    }
    for (const name of ['sessions', 'retained'])
      expect(Object.fromEntries(rig.kafka.topic(name).configs)).toEqual(compact)
    expect(Object.fromEntries(rig.kafka.topic('messages').configs)).toEqual({})
    expect(rig.kafka.opened).toContainEqual({
      kind: 'create',
      topic: 'messages',
      partitions: 3,
      replicas: 1,
      configs: {},
    })
  })

  it('rejects when a topic is missing, and says what to do', async () => {
    const rig = new Rig({ bare: true })
    rig.kafka.add('sessions', 1, { 'cleanup.policy': 'compact' })
    rig.kafka.add('messages')
    await expect(rig.start()).rejects.toThrow(
      "retained topic 'retained' does not exist: set options.create, or kafka-topics.sh --bootstrap-server <host:port> --create --topic retained --partitions 12 --config cleanup.policy=compact",
    )
    expect(rig.clock.pending).toBe(0)
  })

  it.each(['delete', 'compact,delete'])('rejects a sessions topic with cleanup.policy=%s', async (policy) => {
    const rig = new Rig()
    rig.kafka.topic('sessions').configs = new Map([['cleanup.policy', policy]])
    await expect(rig.start()).rejects.toThrow(
      `sessions topic 'sessions' has cleanup.policy=${policy}, it must be exactly 'compact': ` +
        'kafka-configs.sh --bootstrap-server <host:port> --alter --entity-type topics --entity-name sessions --add-config cleanup.policy=compact',
    )
  })

  it('rejects a sessions topic that forgets tombstones before a late reader has seen them', async () => {
    const rig = new Rig()
    const configs = (retention: number) =>
      new Map([
        ['cleanup.policy', 'compact'],
        ['delete.retention.ms', `${retention}`],
      ])
    rig.kafka.topic('sessions').configs = configs(7_199_999)
    await expect(rig.start()).rejects.toThrow(
      "sessions topic 'sessions' has delete.retention.ms=7199999, sessions that have ended could return: kafka-configs.sh --bootstrap-server <host:port> --alter --entity-type topics --entity-name sessions --add-config delete.retention.ms=7200000",
    )
    const longer = new Rig()
    longer.kafka.topic('sessions').configs = configs(7_200_000)
    await longer.start()
    expect(longer.events()).toEqual(['MQTT_KAFKA_READY'])
  })

  it('tells once, and only so, which topics may have one copy', async () => {
    const rig = new Rig()
    const copies = (name: string, count: string) => {
      const topic = rig.kafka.topic(name)
      topic.configs = new Map([...topic.configs, ['min.insync.replicas', count]])
    }
    copies('sessions', '1')
    copies('messages', '1')
    copies('retained', '2')
    await rig.start()
    const told = rig.harness.reporter.events.filter(({ event }) => event === 'MQTT_KAFKA_ONE_COPY')
    expect(told).toMatchObject([{ level: 'info', fields: { topics: ['sessions', 'messages'] } }])
  })

  it('warns about a retained topic that is not compacted', async () => {
    const rig = new Rig()
    rig.kafka.topic('retained').configs = new Map([['cleanup.policy', 'delete']])
    await rig.start()
    expect(rig.events()).toContain('MQTT_KAFKA_TOPIC_NOT_COMPACTED')
  })

  it('starts without Kafka, is unavailable, and recovers', async () => {
    const rig = new Rig()
    rig.kafka.away = away
    await rig.start()
    const early = rig.session('early')
    rig.clock.turn()
    expect(early.aborted?.code).toBe('unavailable')
    expect(rig.events().filter((event) => event === 'MQTT_KAFKA_TOPIC_UNUSABLE')).toHaveLength(3)
    rig.kafka.away = new StreamError('unavailable', 'no other broker either')
    rig.clock.advance(60_000)
    expect(rig.events().filter((event) => event === 'MQTT_KAFKA_TOPIC_UNUSABLE')).toHaveLength(3)
    rig.kafka.away = null
    rig.clock.advance(10_000)
    const late = rig.session('late')
    rig.clock.turn()
    expect(late.accepts).toHaveLength(1)
  })

  it('starts when Kafka does not answer in time', async () => {
    const rig = new Rig()
    rig.kafka.topic('retained').held = true
    rig.kafka.topic('retained').append('a', 'x')
    const started = rig.start()
    rig.clock.advance(10_000)
    await started
    const early = rig.session('early')
    rig.clock.turn()
    expect(early.aborted?.code).toBe('unavailable')
    rig.kafka.topic('retained').deliver()
    const late = rig.session('late')
    rig.clock.turn()
    expect(late.accepts).toHaveLength(1)
  })

  it('stops without start, and twice', async () => {
    const rig = new Rig()
    await rig.binding.stop()
    await rig.binding.stop()
    expect(rig.clock.pending).toBe(0)
  })

  it('checks the topics that routes name', async () => {
    const rig = new Rig({
      routes: [{ when: [{ publish: [{ topic: 'a' }] }], with: { messages: 'extra', expiry: true } }, {}],
    })
    await expect(rig.start()).rejects.toThrow(/messages topic 'extra' does not exist/)
  })
})
