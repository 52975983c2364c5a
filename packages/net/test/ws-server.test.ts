import { once } from 'node:events'
import { createServer } from 'node:tls'
import { StreamError } from '@zilla-ts/engine'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { WRITE_WINDOW } from '../src/socket-stream.ts'
import {
  cleanUp,
  defer,
  type FrameOptions,
  fakeClock,
  frame,
  RawClient,
  startWeb,
  until,
  upgradeRequest,
  type WebOptions,
} from './web.ts'

afterEach(cleanUp)

async function openRaw(options: WebOptions = {}) {
  const web = await startWeb(options)
  const client = await RawClient.dial(web.port)
  client.send(upgradeRequest())
  await until(() => client.status === 101 && web.exit.opened.length === 1)
  const { stream, recorder } = web.exit.opened[0]!
  const text = () => Buffer.concat(recorder.data.map(({ payload }) => payload)).toString('latin1')
  return { ...web, client, stream, recorder, text }
}

async function openClient(options: WebOptions = {}) {
  const web = await startWeb(options)
  const socket = new WebSocket(`ws://127.0.0.1:${web.port}/`, ['mqtt'])
  defer(() => socket.terminate())
  socket.on('error', () => {})
  const messages: Buffer[] = []
  socket.on('message', (data) => messages.push(data as Buffer))
  const closed: { code: number }[] = []
  socket.on('close', (code) => closed.push({ code }))
  await once(socket, 'open')
  await until(() => web.exit.opened.length === 1)
  const { stream, recorder } = web.exit.opened[0]!
  return { ...web, socket, messages, closed, stream, recorder }
}

/** The code of a close frame, when one is all or the last that came behind the header. */
function closeCode(body: Buffer): number {
  const at = body.indexOf(0x88)
  return at < 0 || body.length < at + 4 ? 0 : body.readUInt16BE(at + 2)
}

describe('subprotocols', () => {
  it.each<[(string | null)[], string | null, number, string | null, string]>([
    [['mqtt'], 'mqtt', 101, 'mqtt', '[MQTT-6.0.0-3] [MQTT-6.0.0-4] is answered'],
    [['mqtt'], 'mqttv3.1, mqtt', 101, 'mqtt', 'one of several'],
    [['mqtt'], 'mqttv3.1', 404, null, 'another one'],
    [['mqtt'], null, 404, null, 'none offered'],
    [['mqtt'], 'MQTT', 404, null, 'case matters'],
    [['b', 'a'], 'a, b', 101, 'b', 'the order of routes decides'],
    [['mqtt*'], 'x, mqttv5, mqtt', 101, 'mqttv5', 'then that of the client'],
    [[null], 'a, b', 101, 'a', 'a route without condition takes the first'],
    [[null], 'mqttv3.1, mqtt', 101, 'mqtt', 'but rather mqtt [MQTT-6.0.0-4]'],
    [[null], null, 101, null, 'and none'],
  ])('%j offered %s: %i %s, %s', async (protocols, offered, status, answered) => {
    const { port } = await startWeb({ protocols })
    const client = await RawClient.dial(port)
    client.send(upgradeRequest({ 'Sec-WebSocket-Protocol': offered }))
    await until(() => client.status !== 0)
    expect(client.status).toBe(status)
    expect(/Sec-WebSocket-Protocol: (.*)\r\n/.exec(client.text)?.[1] ?? null).toBe(answered)
    expect(client.text).not.toContain('Sec-WebSocket-Extensions')
  })
})

describe('TLS', () => {
  it('takes a socket of TLS, whose scheme is https', async () => {
    const web = await startWeb({ when: [{ headers: { ':scheme': 'https' } }] })
    // A shared key in the place of certificates, which nothing here is about.
    const key = { psk: Buffer.alloc(16, 1), identity: 'c1' }
    const cipher = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const
    const listener = createServer({ ...cipher, pskCallback: () => key.psk }, web.hand).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    defer(() => listener.close())
    const { port } = listener.address() as { port: number }
    const socket = new WebSocket(`wss://127.0.0.1:${port}/`, ['mqtt'], {
      ...cipher,
      pskCallback: () => key,
      checkServerIdentity: () => undefined,
    } as object)
    defer(() => socket.terminate())
    await once(socket, 'open')
    socket.send(Buffer.alloc(100_000, 'x'))
    await until(() => web.exit.opened[0]?.recorder.data[0]?.payload.length === 100_000)
    web.exit.opened[0]!.stream.end()
    const [code] = await once(socket, 'close')
    expect(code).toBe(1000)
  })
})

describe('frames', () => {
  const bytes = Buffer.from(Array.from({ length: 700 }, (_, at) => at % 251))

  it.each<[string, Buffer[]]>([
    ['one frame', [frame(bytes)]],
    ['a frame for each byte', [...bytes].map((byte) => frame(Buffer.from([byte])))],
    [
      'a message of many frames, with a ping between',
      [
        frame(bytes.subarray(0, 10), { fin: false }),
        frame('p', { opcode: 9 }),
        ...[...bytes.subarray(10, 300)].map((byte) => frame(Buffer.from([byte]), { opcode: 0, fin: false })),
        frame(bytes.subarray(300), { opcode: 0 }),
      ],
    ],
    ['empty frames between', [frame(''), frame(bytes.subarray(0, 1)), frame(''), frame(bytes.subarray(1)), frame('')]],
  ])('[MQTT-6.0.0-2] %s: the same bytes', async (_name, frames) => {
    for (const pieceBytes of [1, 7, Number.POSITIVE_INFINITY]) {
      const { client, text } = await openRaw()
      client.send(Buffer.concat(frames), pieceBytes)
      await until(() => text().length === bytes.length)
      expect(text()).toBe(bytes.toString('latin1'))
    }
  })

  it('sends what was written in a turn in one frame', async () => {
    const { client, stream } = await openRaw()
    for (const piece of ['one ', 'two ', 'three']) stream.write(Buffer.from(piece), undefined)
    await until(() => client.body.length > 0)
    expect(client.body).toEqual(Buffer.concat([Buffer.from([0x82, 13]), Buffer.from('one two three')]))
  })

  it.each<[string, Buffer, number, string]>([
    ['[MQTT-6.0.0-1] a text frame', frame('abc', { opcode: 1 }), 1003, 'invalid'],
    ['a frame without mask', frame('abc', { masked: false }), 1002, 'invalid'],
    ['an opcode that is not known', frame('abc', { opcode: 3 }), 1002, 'invalid'],
    ['a control opcode that is not known', frame('abc', { opcode: 11 }), 1002, 'invalid'],
    ['a reserved bit', frame('abc', { rsv: 4 }), 1002, 'invalid'],
    ['a continuation of nothing', frame('abc', { opcode: 0 }), 1002, 'invalid'],
    ['a message in a message', Buffer.concat([frame('a', { fin: false }), frame('b')]), 1002, 'invalid'],
    ['a long ping', frame('x'.repeat(126), { opcode: 9 }), 1002, 'invalid'],
    ['a ping in pieces', frame('x', { opcode: 9, fin: false }), 1002, 'invalid'],
    ['a close of one byte', frame('x', { opcode: 8 }), 1002, 'invalid'],
    ['a close with a code that must not be sent', frame(Buffer.from([0x03, 0xed]), { opcode: 8 }), 1002, 'invalid'],
    ['a close whose reason is no UTF-8', frame(Buffer.from([0x03, 0xe8, 0xff]), { opcode: 8 }), 1007, 'invalid'],
    ['a frame beyond the limit', frame('', { length: 1 << 20 }), 1009, 'too-large'],
    ['a length beyond reason', Buffer.concat([Buffer.from([0x82, 0xff]), Buffer.alloc(8, 0xff)]), 1009, 'too-large'],
    [
      'a message beyond the limit',
      Buffer.concat([
        frame('x'.repeat(1_000), { fin: false }),
        frame('x'.repeat(1_000), { opcode: 0 } satisfies FrameOptions),
      ]),
      1009,
      'too-large',
    ],
    [
      'a message of too many frames',
      Buffer.concat([frame('', { fin: false }), ...Array(5_000).fill(frame('', { opcode: 0, fin: false }))]),
      1008,
      'invalid',
    ],
  ])('%s closes with its code', async (_name, bad, code, reason) => {
    const { client, recorder, harness, counter } = await openRaw({ ws: { limits: { messageBytes: 1_024 } } })
    client.send(Buffer.concat([frame('before'), bad, frame('after')]))
    await until(() => closeCode(client.body) !== 0)
    expect(closeCode(client.body)).toBe(code)
    expect(recorder.aborted?.code).toBe(reason)
    expect(recorder.data.map(({ payload }) => String(payload))).toEqual(['before'])
    expect(counter('ws.protocol.errors')).toBe(1)
    expect(harness.reporter.faults).toEqual([])
    client.socket.end()
    await until(() => counter('ws.connections.active') === 0)
  })

  it('is not moved by random bytes', async () => {
    let state = 7
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 16
    }
    const { port, counter, harness, http } = await startWeb()
    for (let round = 0; round < 100; round++) {
      const client = await RawClient.dial(port)
      const noise = Buffer.from(Array.from({ length: 1 + (random() % 300) }, random))
      client.send(Buffer.concat([Buffer.from(upgradeRequest()), frame('x'), noise]), 1 + (random() % 200))
      client.socket.end()
    }
    await until(() => counter('ws.connections.opened') === 100 && counter('ws.connections.active') === 0)
    expect([...harness.reporter.faults, ...http.reporter.faults]).toEqual([])
  })
})

describe('pings', () => {
  it('answers the last of those that came in a turn (RFC 6455 §5.5.3)', async () => {
    const { client } = await openRaw()
    client.send(Buffer.concat(Array.from({ length: 1_000 }, (_, at) => frame(String(at), { opcode: 9 }))))
    await until(() => client.body.subarray(-5).equals(Buffer.from('\x8a\x03999', 'latin1')))
    expect(client.body.length).toBeLessThan(5 * 1_000)
  })

  it('holds no answers for a peer that reads nothing', async () => {
    const { client, stream, sockets } = await openRaw()
    client.socket.pause()
    while (stream.writable) stream.write(Buffer.alloc(60_000), undefined)
    const [socket] = sockets
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => frame('x'.repeat(125), { opcode: 9 })))
    for (let sent = 0; sent < 20; sent++) {
      client.send(flood)
      await until(() => client.socket.writableLength === 0)
    }
    // What was written, a frame around it, and at most one answer for each turn until the socket was full.
    expect(socket!.writableLength).toBeLessThan(WRITE_WINDOW + 200_000)
  })

  it('asks a peer that is silent, and gives it up when it does not answer', async () => {
    const clock = fakeClock()
    const { client, recorder, counter } = await openRaw({ clock })
    clock.advance(29_000)
    expect(client.body).toHaveLength(0)
    clock.advance(3_000)
    await until(() => client.body.equals(Buffer.from([0x89, 0])))
    // An answer is as good as anything else that comes.
    client.send(frame('', { opcode: 10 }))
    await until(() => clock.pending > 0)
    await sawMore(client)
    clock.advance(25_000)
    expect(recorder.aborted).toBeNull()
    clock.advance(8_000)
    await until(() => client.body.length === 4)
    clock.advance(12_000)
    await until(() => client.closed)
    expect(recorder.aborted?.code).toBe('timeout')
    expect(counter('ws.connections.timedOut')).toBe(1)
    expect(counter('ws.connections.active')).toBe(0)
  })

  /** The server has read everything sent so far: it answers a ping. */
  async function sawMore(client: RawClient): Promise<void> {
    const before = client.body.length
    client.send(frame('s', { opcode: 9 }))
    await until(() => client.body.length === before + 3)
    client.received = client.received.subarray(0, client.received.length - 3)
  }
})

describe('back-pressure', () => {
  it('does not read beyond the room granted, and loses nothing', async () => {
    const web = await startWeb()
    web.exit.onOpen = (_open, stream, recorder) => {
      recorder.refill = false
      stream.grant(1)
      return true
    }
    const client = await RawClient.dial(web.port)
    client.send(upgradeRequest())
    await until(() => web.exit.opened.length === 1)
    const one = frame(Buffer.alloc(1_000, 'x'))
    const all = Buffer.concat(Array.from({ length: 8_000 }, () => one))
    client.send(all)
    const { recorder, stream } = web.exit.opened[0]!
    const [socket] = web.sockets
    await until(() => recorder.data.length === 1)
    await until(() => socket!.isPaused())
    expect(client.socket.writableLength).toBeGreaterThan(0)
    recorder.refill = true
    stream.grant(1_064)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === 8_000_000)
  })

  it('gives room again only when the peer reads', async () => {
    const { socket, stream, recorder, messages } = await openClient()
    expect(stream.credit).toBe(WRITE_WINDOW)
    socket.pause()
    let sent = 0
    const fill = () => {
      while (stream.writable) {
        stream.write(Buffer.alloc(65_000), undefined)
        sent += 65_000
      }
    }
    recorder.onWritable = fill
    fill()
    let before = -1
    await until(() => {
      const stalled = sent === before
      before = sent
      return stalled
    })
    recorder.onWritable = () => {}
    expect(stream.writable).toBe(false)
    socket.resume()
    await until(() => messages.reduce((sum, { length }) => sum + length, 0) === sent)
    await until(() => stream.writable)
  })

  it('delivers what waits before the end of a peer that has closed', async () => {
    const web = await startWeb()
    web.exit.onOpen = (_open, stream, recorder) => {
      recorder.refill = false
      stream.grant(1)
      return true
    }
    const client = await RawClient.dial(web.port)
    client.send(Buffer.concat([Buffer.from(upgradeRequest()), frame('a'), frame('b'), frame('c')]))
    client.send(frame(Buffer.from([0x03, 0xe8]), { opcode: 8 }))
    await until(() => web.exit.opened[0]?.recorder.data.length === 1)
    const { recorder, stream } = web.exit.opened[0]!
    stream.grant(200)
    expect(recorder.data.map(({ payload }) => String(payload))).toEqual(['a', 'bc'])
    await until(() => recorder.ended)
    stream.end()
    await until(() => web.counter('ws.connections.active') === 0)
  })
})

describe('closing', () => {
  it('says 1000 when the exit has ended, after everything written', async () => {
    const { closed, messages, stream, recorder, counter } = await openClient()
    stream.write(Buffer.from('last words'), undefined)
    stream.end()
    await until(() => closed.length === 1)
    expect(closed).toEqual([{ code: 1000 }])
    expect(String(messages[0])).toBe('last words')
    await until(() => recorder.ended && counter('ws.connections.active') === 0)
  })

  it.each([
    ['shutdown', 1001],
    ['unavailable', 1013],
    ['too-large', 1009],
    ['not-authorized', 1008],
    ['internal', 1011],
  ] as const)('says why the exit gave up: %s is %i', async (code, expected) => {
    const { closed, stream, counter } = await openClient()
    stream.abort(new StreamError(code, 'a reason of ours'))
    await until(() => closed.length === 1)
    expect(closed).toEqual([{ code: expected }])
    await until(() => counter('ws.connections.active') === 0)
  })

  it('ends the stream when the peer closes, and aborts it when the peer is gone', async () => {
    const one = await openClient()
    one.socket.close()
    await until(() => one.recorder.ended)
    expect(one.recorder.aborted).toBeNull()
    one.stream.end()
    expect(one.counter('ws.connections.active')).toBe(0)
    const two = await openClient()
    two.socket.terminate()
    await until(() => two.recorder.aborted !== null)
    expect(two.recorder.aborted?.code).toBe('closed')
    expect(two.counter('ws.connections.active')).toBe(0)
  })

  it.each<[string, (client: RawClient, abort: () => void) => void]>([
    ['does not answer our close', (_client, abort) => abort()],
    ['closes, and leaves the connection open', (client) => client.send(frame(Buffer.from([3, 232]), { opcode: 8 }))],
    ['breaks the rules, and leaves the connection open', (client) => client.send(frame('x', { rsv: 7 }))],
  ])('cuts off a peer that %s', async (_name, act) => {
    const clock = fakeClock()
    const { client, stream, counter, sockets } = await openRaw({ clock })
    client.socket.allowHalfOpen = true
    act(client, () => stream.abort(new StreamError('shutdown', 'bye')))
    await until(() => closeCode(client.body) !== 0)
    expect(counter('ws.connections.active')).toBe(1)
    // Some keep sending, too.
    client.send(frame(Buffer.alloc(100_000)))
    clock.advance(10_000)
    await until(() => sockets.size === 0 && counter('ws.connections.active') === 0)
  })

  it('cuts off who does not take the answer to a bad handshake', async () => {
    const clock = fakeClock()
    const { port, harness, sockets, counter } = await startWeb({ clock })
    const client = await RawClient.dial(port)
    client.socket.allowHalfOpen = true
    client.send(upgradeRequest({ 'Sec-WebSocket-Key': null }))
    await until(() => counter('ws.connections.refused') === 1)
    clock.advance(10_000)
    await until(() => sockets.size === 0)
    await harness.binding.drain!()
  })

  it('says 1013 when the exit refuses', async () => {
    const web = await startWeb()
    web.exit.onOpen = () => false
    const socket = new WebSocket(`ws://127.0.0.1:${web.port}/`, ['mqtt'])
    const [code] = await once(socket, 'close')
    expect(code).toBe(1013)
    await until(() => web.counter('ws.connections.active') === 0)
  })

  it('drains when the last has gone, takes no more, and stops with 1001', async () => {
    const { harness, port, closed, recorder } = await openClient()
    let drained = false
    const draining = harness.binding.drain!().then(() => {
      drained = true
    })
    const late = await RawClient.dial(port)
    late.send(upgradeRequest())
    await until(() => late.status !== 0)
    expect(late.status).toBe(404)
    expect(drained).toBe(false)
    await harness.binding.stop!()
    await until(() => closed.length === 1)
    expect(closed).toEqual([{ code: 1001 }])
    expect(recorder.aborted?.code).toBe('shutdown')
    await draining
    await harness.binding.stop!()
  })

  it('forgets a thousand connections, however they end', async () => {
    const { port, exit, counter, harness, sockets } = await startWeb()
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.dial(port)))
      for (const client of clients) client.send(Buffer.concat([Buffer.from(upgradeRequest()), frame('hello')]))
      await until(() => clients.every(({ status }) => status === 101))
      clients.forEach((client, at) => {
        if (at % 4 === 0) client.socket.destroy()
        else if (at % 4 === 1) client.send(frame(Buffer.from([3, 232]), { opcode: 8 }))
        else if (at % 4 === 2) client.socket.end(frame('text', { opcode: 1 }))
        else client.socket.resetAndDestroy()
      })
      await until(() => {
        for (const { recorder, stream } of exit.opened) if (recorder.ended) stream.end()
        return counter('ws.connections.active') === 0
      })
      for (const client of clients) client.socket.destroy()
    }
    expect(counter('ws.connections.opened')).toBe(1_000)
    expect(exit.opened.every(({ stream }) => stream.closed)).toBe(true)
    await until(() => sockets.size === 0)
    await harness.binding.drain!()
  })
})
