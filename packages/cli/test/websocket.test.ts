/** MQTT over WebSocket through the whole product: in from a client, and on to another broker. */
import { connect, createServer } from 'node:net'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { describe, expect, it, vi } from 'vitest'
import { defer, freshTopics, mqttClient, startEngine, storageBindings } from './fixture.ts'

const WEB = `name: test
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: http_server }
  http_server:
    type: http
    kind: server
    routes: [{ when: [{ headers: { ":path": /mqtt, upgrade: websocket } }], exit: ws_server }]
  ws_server: { type: ws, kind: server, routes: [{ when: [{ protocol: mqtt }], exit: mqtt_server }] }
  mqtt_server: { type: mqtt, kind: server, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: ${JSON.stringify(freshTopics())}, create: { partitions: 1 } }
    exit: log
${storageBindings('embedded', undefined)}`

const UPGRADE = `GET /mqtt HTTP/1.1
Host: localhost
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Protocol: mqtt

`.replaceAll('\n', '\r\n')

/** Speaks MQTT over TCP to its clients, and over WebSocket to the broker on that port. */
const onward = (port: number) => `name: test
bindings:
  tcp_server: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt_server }
  mqtt_server: { type: mqtt, kind: server, exit: mqtt_client }
  mqtt_client: { type: mqtt, kind: client, exit: ws_client }
  ws_client:
    type: ws
    kind: client
    options: { defaults: { protocol: mqtt, authority: "127.0.0.1:${port}", path: /mqtt } }
    exit: http_client
  http_client: { type: http, kind: client, exit: tcp_client }
  tcp_client: { type: tcp, kind: client }
`

async function webClient(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(`ws://127.0.0.1:${port}/mqtt`, { reconnectPeriod: 0, ...options })
  client.on('error', () => {})
  defer(() => client.endAsync(true))
  return client
}

function inbox(client: MqttClient): Map<string, Buffer> {
  const received = new Map<string, Buffer>()
  client.on('message', (topic, payload) => received.set(topic, payload))
  return received
}

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 15_000)

describe('MQTT over WebSocket [MQTT-6.0.0-1] [MQTT-6.0.0-2]', () => {
  it.each([4, 5] as const)('carries packets of every size in version %i', async (protocolVersion) => {
    const { port } = await startEngine(WEB)
    const client = await webClient(port, { protocolVersion })
    const received = inbox(client)
    await client.subscribeAsync('sizes/#', { qos: 1 })
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 900_000]) {
      await client.publishAsync(`sizes/${size}`, Buffer.alloc(size, 'x'), { qos: 2 })
    }
    await until(() => received.size === 7)
    for (const [topic, { length }] of received) expect(topic).toBe(`sizes/${length}`)
  })

  it('takes packets that are torn into frames, and many in one frame', async () => {
    const { port } = await startEngine(WEB)
    const packets = Buffer.from('101000044d5154540402003c0004746f726ec000c000e000', 'hex')
    const answers = Buffer.from('20020000d000d000', 'hex')
    for (const frameBytes of [1, 5, packets.length]) {
      const socket = connect({ host: '127.0.0.1', port })
      defer(() => socket.destroy())
      let received = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
      })
      socket.write(UPGRADE)
      for (let at = 0; at < packets.length; at += frameBytes) {
        const piece = packets.subarray(at, at + frameBytes)
        // A mask of zeros changes nothing.
        socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | piece.length, 0, 0, 0, 0]), piece]))
      }
      await until(() => payloadOf(received).equals(answers))
    }
  })

  it('goes on to a broker behind a WebSocket', async () => {
    const broker = await startEngine(WEB)
    const engine = await startEngine(onward(broker.port))
    const [there, here] = [await webClient(broker.port, { protocolVersion: 5 }), await mqttClient(engine.port)]
    const [atBroker, atEngine] = [inbox(there), inbox(here)]
    await there.subscribeAsync('#', { qos: 1 })
    await here.subscribeAsync('#', { qos: 1 })
    await here.publishAsync('from/here', Buffer.alloc(200_000, 'x'), { qos: 2 })
    await there.publishAsync('from/there', 'y', { qos: 1 })
    await until(() => atBroker.size === 2 && atEngine.size === 2)
    expect(atBroker.get('from/here')).toHaveLength(200_000)
  })

  it('tells the client when the broker behind a WebSocket is away', async () => {
    const nobody = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => nobody.once('listening', resolve))
    const { port } = nobody.address() as { port: number }
    await new Promise((resolve) => nobody.close(resolve))
    const engine = await startEngine(onward(port))
    await expect(mqttClient(engine.port)).rejects.toThrow('Server unavailable')
  })
})

/** Payloads of the frames behind the first header. */
function payloadOf(received: Buffer): Buffer {
  const payloads: Buffer[] = []
  for (let at = received.indexOf('\r\n\r\n') + 4; at >= 4 && at + 2 <= received.length; ) {
    const length = received[at + 1]!
    if (received[at] === 0x82) payloads.push(received.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return Buffer.concat(payloads)
}
