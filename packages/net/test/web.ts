/** An http server with a ws server behind it on a port of 127.0.0.1; the test plays the client and the next hop. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Clock, type Exit, type Guard, type Session, SystemClock } from '@zilla-ts/engine'
import { FakeClock, Harness, TestExit } from '@zilla-ts/testing'
import { expect, vi } from 'vitest'
import { http } from '../src/http/binding.ts'
import type { HttpConfig } from '../src/http/http.config.ts'
import type { Http } from '../src/http/stream.ts'
import type { Bytes } from '../src/stream.ts'
import { ws } from '../src/ws/binding.ts'
import type { WsConfig } from '../src/ws/ws.config.ts'

export interface WebOptions {
  readonly http?: object
  /** `when` of the one route of the http server, and who it lets in */
  readonly when?: readonly NonNullable<HttpConfig['when']>[]
  readonly permits?: (session: Session | null) => boolean
  readonly guards?: Readonly<Record<string, Guard>>
  readonly ws?: object
  /** `when.protocol` of routes of the ws server, each to an exit of that name; absent: one route without conditions */
  readonly protocols?: readonly (string | null)[]
  readonly clock?: Clock
}

const undo: (() => unknown)[] = []

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const action of undo.splice(0).reverse()) await action()
}

export const defer = (action: () => unknown) => undo.push(action)

export const until = <T>(read: () => T) =>
  vi.waitFor(() => expect(read()).toBeTruthy(), { timeout: 10_000, interval: 2 })

export const systemClock = () => new SystemClock((where, error) => expect.fail(`${where}: ${error}`))

export async function startWeb(options: WebOptions = {}) {
  const clock = options.clock ?? systemClock()
  const wsServer = startWs(options, clock)
  const httpExit: Exit<Http> = {
    name: 'ws',
    connect: () => null,
    dial: () => null,
    take: (socket, open, session) => wsServer.harness.binding.take?.(socket, open, session) ?? 'streams',
  }
  const when = options.when ?? []
  const httpServer = new Harness(http as never, {
    kind: 'server',
    options: options.http as never,
    clock,
    guards: options.guards ?? {},
    routes: [{ when, with: undefined, exit: httpExit, permits: options.permits ?? (() => true) }] as never,
  })
  defer(() => httpServer.binding.stop?.())
  const sockets = new Set<Socket>()
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const remote = { host: socket.remoteAddress!, port: socket.remotePort! }
    const taken = httpServer.binding.take!(socket, { remote } as never, null)
    if (taken === 'refused') socket.destroy()
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const hand = (socket: Socket) => httpServer.binding.take!(socket, {} as never, null)
  defer(() => new Promise((resolve) => listener.close(resolve)))
  defer(() => {
    for (const socket of sockets) socket.destroy()
  })
  const { port } = listener.address() as { port: number }
  return { ...wsServer, http: httpServer, port, sockets, clock, hand }
}

function startWs(options: WebOptions, clock: Clock) {
  const reporters: { exits: TestExit<Bytes>[] } = { exits: [] }
  const make = (routes?: readonly unknown[]) =>
    new Harness(ws as never, {
      kind: 'server',
      options: options.ws as never,
      clock,
      ...(routes === undefined ? {} : { routes: routes as never }),
    })
  let harness = make()
  let exit = harness.exit as unknown as TestExit<Bytes>
  if (options.protocols !== undefined) {
    reporters.exits = options.protocols.map((name) => new TestExit<Bytes>(String(name), harness.reporter))
    const when = (protocol: string | null): readonly NonNullable<WsConfig['when']>[] =>
      protocol === null ? [] : [{ protocol }]
    const routes = options.protocols.map((protocol, at) => ({
      when: when(protocol),
      with: undefined,
      exit: reporters.exits[at],
      permits: () => true,
    }))
    harness = make(routes)
    exit = reporters.exits[0]!
  }
  const grantAll = (_open: unknown, stream: { grant(cost: number): void }) => {
    stream.grant(1 << 20)
    return true
  }
  for (const each of [exit, ...reporters.exits]) each.onOpen = grantAll
  defer(() => harness.binding.stop?.())
  return { harness, exit, exits: reporters.exits, counter: (name: string) => harness.reporter.counter(name).value }
}

/** A socket, and what came on it. */
export class RawClient {
  readonly socket: Socket
  received = Buffer.alloc(0)
  closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
    })
  }

  static async dial(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    defer(() => socket.destroy())
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  /** Status of the first answer; 0: none yet. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0)
  }

  /** What came behind the first header. */
  get body(): Buffer {
    const at = this.received.indexOf('\r\n\r\n')
    return at < 0 ? Buffer.alloc(0) : this.received.subarray(at + 4)
  }

  send(bytes: string | Buffer, pieceBytes = Number.POSITIVE_INFINITY): void {
    const buffer = Buffer.from(bytes as string)
    for (let at = 0; at < buffer.length; at += pieceBytes) this.socket.write(buffer.subarray(at, at + pieceBytes))
  }
}

/** An upgrade as a browser sends it; fields may be replaced, or left out with null. */
export function upgradeRequest(
  fields: Readonly<Record<string, string | null>> = {},
  line = 'GET /mqtt HTTP/1.1',
): string {
  const all: Record<string, string | null> = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'mqtt',
    ...fields,
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]))
  return `${line}\r\n${lines.join('')}\r\n`
}

export interface FrameOptions {
  readonly opcode?: number
  readonly fin?: boolean
  readonly masked?: boolean
  readonly rsv?: number
  /** what the header says, whatever there is */
  readonly length?: number
}

/** A frame as a client sends it (RFC 6455 §5.2). */
export function frame(payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { opcode = 2, fin = true, masked = true, rsv = 0 } = options
  const data = Buffer.from(payload as string)
  const length = options.length ?? data.length
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode]
  const mask = masked ? 0x80 : 0
  if (length < 126) head.push(mask | length)
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 0xff)
  else head.push(mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
  if (!masked) return Buffer.concat([Buffer.from(head), data])
  const key = Buffer.from([0x11, 0x22, 0x33, 0x44])
  const hidden = Buffer.from(data.map((byte, at) => byte ^ key[at % 4]!))
  return Buffer.concat([Buffer.from(head), key, hidden])
}

/** Ends turns of a fake clock whenever I/O has happened, so that only its time stands still. */
export function turning(clock: FakeClock): FakeClock {
  const timer = setInterval(() => clock.turn(), 1)
  defer(() => clearInterval(timer))
  return clock
}

export const fakeClock = () => turning(new FakeClock())
