import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { FakeClock, TestReporter } from '@zilla-ts/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { BrokerConnection, splitAddress } from '../src/client/connection.ts'
import { apiKeys, requests } from '../src/client/kafkajs.ts'
import { ClientSite } from '../src/client/site.ts'

const SETTINGS = { holdMs: 60_000, askMs: 30_000, metadataMaxAgeMs: 300_000, produceBytesMax: 1 << 20 }
/** ApiVersions answer: no error, Metadata (3) in versions 0 to 6. */
const VERSIONS = Buffer.from([0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 6, 0, 0, 0, 0])

let server: Server
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  server.close()
  await once(server, 'close')
})

/** A peer that does as told with each connection. */
async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Answers the first request of a connection with API versions; the rest is given to `then`. */
function speaksKafka(then: (socket: Socket, request: Buffer) => void): (socket: Socket) => void {
  return (socket) => {
    let first = true
    socket.on('data', (request) => {
      if (!first) {
        then(socket, request)
        return
      }
      first = false
      const head = Buffer.alloc(8)
      head.writeInt32BE(4 + VERSIONS.length, 0)
      request.copy(head, 4, 8, 12)
      socket.write(Buffer.concat([head, VERSIONS]))
    })
  }
}

function connection(port: number, clock = new FakeClock()) {
  const reporter = new TestReporter()
  const dialled: Socket[] = []
  const site = new ClientSite('client', clock, reporter, SETTINGS, [`127.0.0.1:${port}`], (address) => {
    const [host, to] = splitAddress(address!)
    const socket = connect({ host, port: to, allowHalfOpen: true })
    dialled.push(socket)
    return socket
  })
  let closed = 0
  const made = new BrokerConnection(site, `127.0.0.1:${port}`, () => closed++)
  return { made, site, clock, dialled, closed: () => closed }
}

const metadata = (made: BrokerConnection) =>
  made.send(made.call(apiKeys.Metadata, requests.Metadata)({ topics: [], allowAutoTopicCreation: false }), 5_000)

describe('a connection', () => {
  it('ends at a peer that does not speak Kafka', async () => {
    const port = await listen((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const { made, site, closed } = connection(port)
    await expect(made.open()).rejects.toMatchObject({ code: 'unavailable' })
    expect(made.closed).toBe(true)
    expect(closed()).toBe(1)
    // Whether Kafka is away is not for one connection to say: others may answer.
    expect(site.available).toBe(true)
  })

  it.each([0, 3, 0x7fffffff, 0xffffffff])('ends at a frame that claims %i bytes', async (length) => {
    const port = await listen((socket) => {
      const frame = Buffer.alloc(20)
      frame.writeUInt32BE(length)
      socket.write(frame)
    })
    await expect(connection(port).made.open()).rejects.toMatchObject({
      message: expect.stringContaining('does not speak the Kafka protocol'),
    })
  })

  it.each(['end', 'destroy', 'resetAndDestroy'] as const)('rejects what waits when the peer calls %s', async (how) => {
    const port = await listen(speaksKafka((socket) => socket[how]()))
    const { made, dialled } = connection(port)
    await made.open()
    await expect(metadata(made)).rejects.toMatchObject({ code: 'unavailable' })
    expect(made.closed).toBe(true)
    expect(dialled.every(({ destroyed }) => destroyed)).toBe(true)
    await expect(metadata(made)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('is destroyed by a request without an answer, with all that wait', async () => {
    const port = await listen(speaksKafka(() => {}))
    const { made, clock, dialled } = connection(port)
    await made.open()
    const waiting = [metadata(made), metadata(made)]
    clock.advance(5_000)
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'timeout' })
    expect(dialled.every(({ destroyed }) => destroyed)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('gives up on a peer that takes the connection and says nothing', async () => {
    const port = await listen(() => {})
    const { made, clock } = connection(port)
    const opening = made.open()
    clock.advance(10_000)
    await expect(opening).rejects.toMatchObject({ code: 'timeout' })
    expect(clock.pending).toBe(0)
  })

  it('survives an answer that is no answer', async () => {
    const answerWith = (length: number) => (socket: Socket, request: Buffer) => {
      const frame = Buffer.alloc(8 + length, 0x7f)
      frame.writeInt32BE(4 + length, 0)
      request.copy(frame, 4, 8, 12)
      socket.write(frame)
    }
    const port = await listen(speaksKafka(answerWith(30)))
    const { made } = connection(port)
    await made.open()
    await expect(metadata(made)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('says that nobody answers when a port is closed', async () => {
    const port = await listen(() => {})
    server.close()
    await once(server, 'close')
    server = createServer().listen(0)
    const { made, site } = connection(port)
    await expect(made.open()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('REFUSED'),
    })
    // Whether Kafka is away is not for one connection to say: others may answer.
    expect(site.available).toBe(true)
  })
})

it('takes addresses apart, IPv6 in brackets too', () => {
  expect(splitAddress('kafka.example.com:9092')).toEqual(['kafka.example.com', 9092])
  expect(splitAddress('[::1]:9092')).toEqual(['::1', 9092])
})
