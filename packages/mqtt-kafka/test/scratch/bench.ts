import { Side, type Stream } from '@zilla-ts/engine'
import { encodeHeaders, type Kafka, KafkaRecord, partitionHash } from '@zilla-ts/kafka'
import type { Mqtt } from '@zilla-ts/mqtt'
import { FakeClock, Harness } from '@zilla-ts/testing'
import { mqttKafka } from '../../src/binding.ts'
import { RetainedMap } from '../../src/retained-map.ts'
import { SubscriptionTrie } from '../../src/subscription-trie.ts'

const mode = process.argv[2]
const clock = new FakeClock()
const fetches: Record<string, Stream<Kafka>> = {}
const ackEvery = 64
const exit = {
  name: 'k',
  dial: () => null,
  connect(open: any, session: any, handler: any) {
    return Side.connect<Kafka>(
      open,
      session,
      handler,
      (o, stream) => {
        if (o.kind === 'describe') {
          stream.accept({
            kind: 'describe',
            partitions: 12,
            configs: new Map([['cleanup.policy', 'compact']]),
            maxRecordBytes: 1e6,
          })
          stream.end()
        } else if (o.kind === 'offsets') {
          stream.accept({ kind: 'offsets', partitions: [{ partition: 0, start: 0, end: retEnd[o.topic] ?? 0 }] })
          stream.end()
        } else if (o.kind === 'fetch') {
          fetches[o.topic] = stream
          stream.accept({ kind: 'fetch', partitions: [{ partition: 0, start: 0, end: retEnd[o.topic] ?? 0 }] })
        } else if (o.kind === 'produce') {
          stream.accept({ kind: 'produce', partitions: 12, maxRecordBytes: 1e6 })
          stream.grant(1e9)
          let n = 0
          return {
            onData(_p, _m, cost) {
              n++
              stream.grant(cost)
              if (o.topic === 'sessions' || n % ackEvery === 0) stream.ack(n)
            },
            onEnd() {},
            onAbort() {},
          }
        }
        return { onData() {}, onEnd() {}, onAbort() {} }
      },
      { initiator: 'b', acceptor: 'k' },
      (w, e) => console.log(w, e),
    )
  },
}
const retEnd: Record<string, number> = {}
const h = new Harness(mqttKafka as any, {
  kind: 'proxy',
  clock,
  options: {
    topics: { sessions: 'sessions', messages: 'messages', retained: 'retained' },
    foreign: { qos: 'at_most_once' },
    limits: { queueBytes: 1e6, filters: 1e6, paramTopics: 10, startSeconds: 1, subscribeSeconds: 30 },
  } as any,
  routes: [{ when: [], with: undefined, exit: exit as any, permits: () => true }],
})
const open = (o: any, handler: any) => {
  const s = Side.connect<Mqtt>(
    o,
    null,
    handler,
    (w, side) => (h.binding.accept as any)(w, side),
    { initiator: 't', acceptor: 'b' },
    (w, e) => console.log(w, e),
  )
  return s!
}
class Sink {
  n = 0
  stream: any
  acks = 0
  onData(_p: Buffer, _m: any, cost: number) {
    this.n++
    this.stream.grant(cost)
  }
  onAck() {
    this.acks++
  }
  onEnd() {}
  onAbort(e: any) {
    console.log('abort', e)
  }
  onSignal() {}
}
const sess = (id: string) =>
  open(
    {
      kind: 'session',
      clientId: id,
      version: 5,
      cleanStart: true,
      expirySeconds: 0,
      will: null,
      username: null,
      keepAliveSeconds: 0,
    },
    new Sink(),
  )
const HEADERS = encodeHeaders([
  ['zilla:filter', 'site'],
  ['zilla:filter', 'dev'],
  ['zilla:filter', 'temp'],
  ['zilla:local', 'client-1'],
  ['zilla:qos', '0'],
])
const time = (name: string, per: number, f: () => void) => {
  for (let i = 0; i < 3; i++) {
    const t = process.hrtime.bigint()
    f()
    const us = Number(process.hrtime.bigint() - t) / 1000
    console.log(name, (us / per).toFixed(3), 'us')
  }
}
const rss = () =>
  (process.memoryUsage().rss / 1048576).toFixed(0) +
  ' MiB, heap ' +
  (process.memoryUsage().heapUsed / 1048576).toFixed(0)

await h.binding.start!()
if (mode === 'publish') {
  sess('client-1')
  const sink = new Sink()
  const s = open({ kind: 'publish', clientId: 'client-1', version: 5 }, sink)
  sink.stream = s
  const payload = Buffer.alloc(100)
  const topics = Array.from({ length: 8 }, (_, i) => 'site/dev' + i + '/temp')
  const metas = topics.map((topic) => ({ topic, qos: 0 as const, retain: false, properties: null }))
  time('publish', 1e6, () => {
    for (let i = 0; i < 1e6; i++) s.write(payload, metas[i & 7]!)
  })
  // fresh strings
  const bytes = topics.map((t) => Buffer.from(t))
  time('toString only', 1e6, () => {
    let x = 0
    for (let i = 0; i < 1e6; i++) x += bytes[i & 7]!.toString('latin1').length
  })
  time('publish fresh string', 1e6, () => {
    for (let i = 0; i < 1e6; i++)
      s.write(payload, { topic: bytes[i & 7]!.toString('latin1'), qos: 1, retain: false, properties: null })
  })
  time('publish retained', 1e5, () => {
    for (let i = 0; i < 1e5; i++) s.write(payload, { topic: topics[i & 7]!, qos: 1, retain: true, properties: null })
  })
  time('publish props', 1e5, () => {
    for (let i = 0; i < 1e5; i++)
      s.write(payload, {
        topic: topics[i & 7]!,
        qos: 1,
        retain: false,
        properties: { userProperties: [['a', 'b']], contentType: 'x' },
      })
  })
  console.log(sink.acks)
}
if (mode === 'fanout') {
  const sinks: Sink[] = []
  for (let i = 0; i < 100; i++) {
    sess('c' + i)
    const sink = new Sink()
    sink.stream = open({ kind: 'subscribe', clientId: 'c' + i, version: 5 }, sink)
    sink.stream.grant(1e9)
    sink.stream.signal({
      kind: 'subscribe',
      subscriptions: [
        {
          filter: i & 1 ? 'site/+/temp' : 'site/dev/#',
          qos: 0,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionId: 0,
        },
      ],
    })
    sinks.push(sink)
  }
  clock.turn()
  const key = Buffer.from('site/dev/temp')
  const payload = Buffer.alloc(100)
  const f = fetches['messages']!
  let off = 0
  const recs = 20000
  time('delivery', recs * 100, () => {
    for (let i = 0; i < recs; i++)
      f.write(payload, new KafkaRecord(0, off++, 1.7e12, key, false, HEADERS.buffer, HEADERS.count))
  })
  console.log(sinks[0]!.n)
  const key2 = Buffer.from('other/dev/temp')
  time('no match', 1e6, () => {
    for (let i = 0; i < 1e6; i++)
      f.write(payload, new KafkaRecord(0, off++, 1.7e12, key2, false, HEADERS.buffer, HEADERS.count))
  })
  const keys = Array.from({ length: 50000 }, (_, i) => Buffer.from('other/dev' + i + '/temp'))
  time('no match, 50k topics', 1e6, () => {
    for (let i = 0; i < 1e6; i++)
      f.write(payload, new KafkaRecord(0, off++, 1.7e12, keys[i % 50000]!, false, HEADERS.buffer, HEADERS.count))
  })
}
if (mode === 'pairs') {
  const sinks: Sink[] = []
  for (let i = 0; i < 50; i++) {
    sess('c' + i)
    const sink = new Sink()
    sink.stream = open({ kind: 'subscribe', clientId: 'c' + i, version: 5 }, sink)
    sink.stream.grant(1e9)
    sink.stream.signal({
      kind: 'subscribe',
      subscriptions: [
        {
          filter: 'site/d' + i,
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionId: 0,
        },
      ],
    })
    sinks.push(sink)
  }
  clock.turn()
  const keys = sinks.map((_, i) => Buffer.from('site/d' + i))
  const payload = Buffer.alloc(100)
  const f = fetches['messages']!
  let off = 0
  time('record with one receiver', 1e6, () => {
    for (let i = 0; i < 1e6; i++)
      f.write(payload, new KafkaRecord(0, off++, 1.7e12, keys[i % 50]!, false, HEADERS.buffer, HEADERS.count))
  })
}
if (mode === 'trie') {
  gc!()
  const before = process.memoryUsage().heapUsed
  const trie = new SubscriptionTrie<{ filter: string }>()
  const N = 100_000
  const subs = Array.from({ length: N }, (_, i) => ({
    filter: ['site', i % 100, 'dev', i, i % 10 === 0 ? '+' : 'temp'].join('/'),
  }))
  gc!()
  const mid = process.memoryUsage().heapUsed
  for (const s of subs) trie.add(s)
  gc!()
  const after = process.memoryUsage().heapUsed
  console.log('subs', (mid - before) / N, 'trie per filter', (after - mid) / N, 'nodes', trie.nodes)
  const t = Array.from({ length: 1000 }, (_, i) => ['site', (i * 97) % 100, 'dev', i * 97, 'temp'].join('/'))
  time('match', 1e6, () => {
    const out: any[] = []
    for (let i = 0; i < 1e6; i++) {
      out.length = 0
      trie.match(t[i % 1000]!, out)
    }
  })
  const t2 = new SubscriptionTrie<{ filter: string }>()
  for (let i = 0; i < N; i++) t2.add({ filter: ['+', i % 100, '+', i, '#'].join('/') })
  for (let i = 0; i < 100; i++) {
    t2.add({ filter: ['site', i, '+', '+', 'x'].join('/') })
  }
  time('match +', 1e6, () => {
    const out: any[] = []
    for (let i = 0; i < 1e6; i++) {
      out.length = 0
      t2.match(t[i % 1000]!, out)
    }
  })
}
if (mode === 'replay') {
  const f = fetches['retained']!
  const N = 10_000
  for (let i = 0; i < N; i++)
    f.write(
      Buffer.alloc(100),
      new KafkaRecord(0, i, 1.7e12, Buffer.from(`site/${i % 100}/dev/${i}/temp`), false, HEADERS.buffer, HEADERS.count),
    )
  retEnd['retained'] = N
  sess('r')
  for (let k = 0; k < Number(process.argv[3] ?? 5); k++) {
    const sink = new Sink()
    sink.stream = open({ kind: 'subscribe', clientId: 'r', version: 5 }, sink)
    sink.stream.grant(1e9)
    sink.stream.signal({
      kind: 'subscribe',
      subscriptions: [
        { filter: '#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 },
      ],
    })
    const t = process.hrtime.bigint()
    clock.turn()
    console.log('replay', (Number(process.hrtime.bigint() - t) / 1000 / N).toFixed(3), 'us each', sink.n)
    sink.stream.end()
  }
}
if (mode === 'load') {
  const N = 1_000_000
  gc!()
  console.log(rss())
  const f = fetches['retained']!
  const payload = Buffer.alloc(100)
  const t = process.hrtime.bigint()
  for (let i = 0; i < N; i++)
    f.write(
      payload,
      new KafkaRecord(
        0,
        i,
        1.7e12,
        Buffer.from(process.argv[3] === 'deep' ? `plant/site${i % 100}/dev/${i}/temp` : `site/${i % 1000}/dev${i}`),
        false,
        HEADERS.buffer,
        HEADERS.count,
      ),
    )
  console.log('load s', Number(process.hrtime.bigint() - t) / 1e9, rss())
  gc!()
  console.log('after gc', rss(), (h.binding as any).usage)
}
if (mode === 'idle') {
  const N = 10_000
  const make = (i: number) => { sess('c' + i); const sink = new Sink(); sink.stream = open({ kind: 'subscribe', clientId: 'c' + i, version: 5 }, sink); sink.stream.grant(1e6); sink.stream.signal({ kind: 'subscribe', subscriptions: [{ filter: 'site/dev' + i, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 }] }); 
    if (process.argv[3] === 'pub') { const p = open({ kind: 'publish', clientId: 'c' + i, version: 5 }, new Sink()); p.write(Buffer.alloc(10), { topic: 'x/' + i, qos: 0, retain: false, properties: null }) } }
  for (let i = 0; i < 100; i++) make(i)
  clock.turn(); gc!()
  const b = process.memoryUsage()
  for (let i = 100; i < N; i++) make(i)
  clock.turn(); gc!()
  const a = process.memoryUsage()
  console.log('heap per connection', ((a.heapUsed - b.heapUsed) / (N - 100)).toFixed(0), 'external', ((a.external - b.external) / (N - 100)).toFixed(0))
}
if (mode === 'replay1m') {
  const { SystemClock } = await import('@zilla-ts/engine')
  const N = 1_000_000
  const f = fetches['retained']!
  for (let i = 0; i < N; i++) f.write(Buffer.alloc(100), new KafkaRecord(0, i, 1.7e12, Buffer.from(`site/${i % 1000}/dev${i}`), false, HEADERS.buffer, HEADERS.count))
  retEnd['retained'] = N
  sess('r')
  const sink = new Sink(); sink.stream = open({ kind: 'subscribe', clientId: 'r', version: 5 }, sink); sink.stream.grant(1e6)
  const real = new SystemClock((w, e) => console.log(w, e))
  clock.monotonic = () => performance.now(); clock.endOfTurn = (t: any) => real.endOfTurn(t)
  let max = 0, last = performance.now(); let slices = 0
  const tick = () => { const n = performance.now(); max = Math.max(max, n - last); last = n; slices++; if (sink.n < N) setImmediate(tick); else console.log('1M replay: s', (n - t) / 1000, 'longest turn ms', max, 'turns', slices, rss()) }
  const t = performance.now()
  sink.stream.signal({ kind: 'subscribe', subscriptions: [{ filter: '#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, subscriptionId: 0 }] })
  setImmediate(tick)
}
