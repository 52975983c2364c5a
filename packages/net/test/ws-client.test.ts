import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Clock } from '@zilla-ts/engine'
import { FakeClock, Harness, Recorder, TestExit } from '@zilla-ts/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { http } from '../src/http/binding.ts'
import type { Http } from '../src/http/stream.ts'
import type { Address, Bytes } from '../src/stream.ts'
import { ws } from '../src/ws/binding.ts'
import type { WsConfig } from '../src/ws/ws.config.ts'
import { cleanUp, defer, fakeClock, startWeb, systemClock, until } from './web.ts'

afterEach(cleanUp)

type Defaults = NonNullable<NonNullable<WsConfig['options']>['defaults']>

/** ws client → http client → sockets to the address asked for; what was asked for lands in `asked`. */
function startClient(defaults: Partial<Defaults>, clock: Clock = systemClock(), when: object[] = []) {
  const asked: (Address | undefined)[] = []
  const httpClient = new Harness(http as never, {
    kind: 'client',
    clock,
    options: {} as never,
  })
  httpClient.exit.onDial = (open) => {
    const { remote } = open as Bytes['open']
    asked.push(remote)
    if (remote === undefined) return null
    const socket = connect({ ...remote, host: '127.0.0.1' })
    defer(() => socket.destroy())
    return socket
  }
  const exit = {
    name: 'http',
    connect: () => null,
    take: () => 'refused',
    dial: (open: Http['open'], session: null) => httpClient.binding.dial!(open as never, session),
  }
  const client = new Harness<WsConfig, Bytes, Http>(ws as never, {
    kind: 'client',
    clock,
    options: { defaults } as never,
    routes: [{ when, with: undefined, exit, permits: () => true }] as never,
  })
  defer(() => client.binding.stop?.())
  const active = () => client.reporter.counter('ws.connections.active').value
  return { client, asked, active }
}

/** A server that says what the test tells it. */
async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer(onSocket).listen(0, '127.0.0.1')
  await once(server, 'listening')
  defer(() => server.close())
  return (server.address() as { port: number }).port
}

describe('ws client', () => {
  it('carries bytes both ways to a ws server, what is written before it is open too', async () => {
    const web = await startWeb({ protocols: ['mqtt'], when: [{ headers: { ':path': '/mqtt', ':method': 'GET' } }] })
    const { client, active } = startClient({ protocol: 'mqtt', path: '/mqtt', authority: `localhost:${web.port}` })
    const recorder = new Recorder<Bytes>()
    const stream = client.connect({}, recorder)!
    stream.grant(100_000)
    stream.write(Buffer.from('early'), undefined)
    await until(() => web.exit.opened[0]?.recorder.data.length === 1)
    expect(recorder.accepts).toHaveLength(1)
    web.exit.opened[0]!.stream.write(Buffer.alloc(90_000, 'x'), undefined)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === 90_000)
    stream.end()
    await until(() => web.exit.opened[0]!.recorder.ended)
    web.exit.opened[0]!.stream.end()
    await until(() => active() === 0 && web.counter('ws.connections.active') === 0)
    expect(recorder.ended).toBe(true)
    expect(client.reporter.faults).toEqual([])
  })

  it.each<[Partial<Defaults>, Address | undefined, Address | null]>([
    [{ authority: 'a.example.com' }, undefined, { host: 'a.example.com', port: 80 }],
    [{ authority: 'a.example.com', scheme: 'wss' }, undefined, { host: 'a.example.com', port: 443 }],
    [{ authority: '[::1]:8083' }, { host: 'b', port: 1883 }, { host: '::1', port: 8083 }],
    [{}, { host: 'b', port: 1883 }, { host: 'b', port: 1883 }],
    [{}, undefined, null],
  ])('%j, asked for %j, dials %j', (defaults, remote, expected) => {
    const { client, asked } = startClient(defaults, new FakeClock())
    const port = client.connect({ remote }, new Recorder<Bytes>())
    expect(asked[0] ?? null).toEqual(expected)
    expect(port === null).toBe(expected === null)
  })

  it('has routes by what it asks for', () => {
    const defaults = { protocol: 'mqtt', authority: 'a:1', path: '/x?y' }
    const taken = (when: object) =>
      startClient(defaults, new FakeClock(), [when]).client.connect({}, new Recorder<Bytes>()) !== null
    expect(taken({ protocol: 'mqtt', scheme: 'http', authority: 'a:*', path: '/x' })).toBe(true)
    expect(taken({ protocol: 'other' })).toBe(false)
    expect(taken({ path: '/y' })).toBe(false)
  })

  it.each<[string, string, string]>([
    ['a refusal', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 'Unexpected server response: 404'],
    ['no HTTP', 'hello\r\n\r\n', 'Parse Error'],
    ['a key of somebody else', `${switching('bm90IG91cnM=')}\r\n`, 'Invalid Sec-WebSocket-Accept header'],
  ])('aborts on %s', async (_name, answer, message) => {
    const port = await listen((socket) => socket.on('error', () => {}).on('data', () => socket.write(answer)))
    const { client, active } = startClient({ authority: `localhost:${port}` })
    const recorder = new Recorder<Bytes>()
    client.connect({}, recorder)
    await until(() => recorder.aborted !== null)
    expect(recorder.aborted?.message).toContain(message)
    expect(active()).toBe(0)
  })

  it('aborts when the server chooses another subprotocol, or none', async () => {
    for (const protocols of [['other'], [null]] as const) {
      const web = await startWeb({ protocols })
      const { client } = startClient({ protocol: 'mqtt', authority: `localhost:${web.port}` })
      const recorder = new Recorder<Bytes>()
      client.connect({}, recorder)
      await until(() => recorder.aborted !== null || recorder.accepts.length > 0)
      expect(recorder.accepts).toHaveLength(protocols[0] === null ? 1 : 0)
    }
  })

  it('aborts when nobody listens, and when the server does not answer in time', async () => {
    const port = await listen((socket) => socket.on('error', () => {}))
    const clock = fakeClock()
    const { client, active } = startClient({ authority: `localhost:${port}` }, clock)
    const silent = new Recorder<Bytes>()
    client.connect({}, silent)
    clock.advance(9_000)
    expect(silent.aborted).toBeNull()
    clock.advance(2_000)
    expect(silent.aborted?.code).toBe('timeout')
    await until(() => active() === 0)
    const gone = startClient({ authority: 'localhost:1' })
    const refused = new Recorder<Bytes>()
    gone.client.connect({}, refused)
    await until(() => refused.aborted !== null)
    expect(refused.aborted?.message).toContain('ECONNREFUSED')
  })

  it('gives up at once when its neighbour does', async () => {
    const port = await listen((socket) => socket.on('error', () => {}))
    const { client, active } = startClient({ authority: `localhost:${port}` })
    const stream = client.connect({}, new Recorder<Bytes>())!
    stream.end()
    const other = client.connect({}, new Recorder<Bytes>())!
    const { StreamError } = await import('@zilla-ts/engine')
    other.abort(new StreamError('closed', 'enough'))
    await until(() => active() === 1)
    await client.binding.stop!()
    await until(() => active() === 0)
    expect(client.reporter.faults).toEqual([])
  })
})

function switching(accept: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`
}

describe('http client', () => {
  it('dials for requests that a route takes', () => {
    const exit = new TestExit<Bytes>(
      'tcp',
      new Harness(http as never, { kind: 'client', clock: new FakeClock() }).reporter,
    )
    const dialled: unknown[] = []
    exit.onDial = (open) => {
      dialled.push(open)
      return null
    }
    const when = [{ headers: { ':authority': 'a*' } }]
    const { binding } = new Harness(http as never, {
      kind: 'client',
      clock: new FakeClock(),
      routes: [{ when, with: undefined, exit, permits: () => true }] as never,
    })
    for (const authority of ['a:1', 'b:1']) {
      binding.dial!({ headers: { ':authority': authority, ':scheme': 'http' } } as never, null)
    }
    expect(dialled).toEqual([{ remote: { host: 'a', port: 1 } }])
  })
})
