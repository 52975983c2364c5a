import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { MESSAGE_COST, SystemClock } from '@zilla-ts/engine'
import { Harness, Recorder } from '@zilla-ts/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WRITE_WINDOW } from '../socket-stream.ts'
import type { Bytes } from '../stream.ts'
import { tcp } from './binding.ts'
import { openFilesMax, safeConnections } from './open-files.ts'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

const clock = () => new SystemClock((where, error) => expect.fail(`${where}: ${error}`))

async function server(options: object = { host: '127.0.0.1', port: 0 }) {
  const harness = new Harness(tcp, { kind: 'server', options, clock: clock() })
  cleanUp.push(() => harness.binding.stop?.())
  await harness.binding.start?.()
  const address = harness.binding.addresses?.()[0]
  return { ...harness, harness, exit: harness.exit, port: address!.port }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  cleanUp.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const target: Server = createServer({ allowHalfOpen: true }, onSocket)
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  cleanUp.push(() => target.close())
  return (target.address() as { port: number }).port
}

const until = <T>(read: () => T) => vi.waitFor(() => expect(read()).toBeTruthy(), { timeout: 5_000, interval: 2 })

describe('tcp server', () => {
  it('opens a stream with both addresses, and carries bytes both ways', async () => {
    const { exit, port } = await server()
    exit.onOpen = (_open, stream) => {
      stream.grant(65_536)
      return true
    }
    const socket = await dial(port)
    await until(() => exit.opened.length === 1)
    const { open, stream, recorder } = exit.opened[0]!
    expect(open).toEqual({
      local: { host: '127.0.0.1', port },
      remote: { host: '127.0.0.1', port: socket.localPort },
    })
    socket.write('hello')
    await until(() => recorder.data.length > 0)
    expect(recorder.data[0]!.payload.toString()).toBe('hello')
    stream.write(Buffer.from('wor'), undefined)
    stream.write(Buffer.from('ld'), undefined)
    const [chunk] = await once(socket, 'data')
    expect(String(chunk)).toBe('world')
  })

  it('closes connections beyond its limit at once, and takes others when one has gone', async () => {
    const { exit, port, harness } = await server({ host: '127.0.0.1', port: 0, limits: { connections: 2 } })
    const first = await dial(port)
    await dial(port)
    await until(() => exit.opened.length === 2)
    for (let i = 0; i < 30; i++) await once((await dial(port)).resume(), 'end')
    const { counters, events } = harness.reporter
    expect([exit.opened.length, counters.get('tcp.limited.connections')?.value]).toEqual([2, 30])
    const told = events.filter(({ event }) => event === 'TCP_CONNECTION_REFUSED')
    expect(told.length).toBeLessThan(30)
    expect(told[0]?.fields['remote']).toMatch(/^127\.0\.0\.1:\d+$/)
    first.resetAndDestroy()
    await until(() => exit.opened[0]!.recorder.aborted !== null)
    await dial(port)
    await until(() => exit.opened.length === 3)
  })

  it('says when it may not have as many connections as it is to', async () => {
    const { harness } = await server({ host: '127.0.0.1', port: 0, limits: { connections: 10_000_000 } })
    const limited = harness.reporter.events.map(({ event }) => event).includes('TCP_CONNECTIONS_LIMITED')
    expect(limited).toBe(safeConnections(openFilesMax()) < 10_000_000)
  })

  it('sends everything written before the end, then half closes', async () => {
    const { exit, port } = await server()
    const big = Buffer.alloc(200_000, 'x')
    exit.onOpen = () => true
    const socket = await dial(port)
    await until(() => exit.opened.length === 1)
    const { stream, recorder } = exit.opened[0]!
    stream.write(Buffer.from('head'), undefined)
    stream.write(big, undefined)
    stream.end()
    const received: Buffer[] = []
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    await once(socket, 'end')
    expect(Buffer.concat(received).equals(Buffer.concat([Buffer.from('head'), big]))).toBe(true)
    socket.end()
    await until(() => recorder.ended)
  })

  it('does not read a socket beyond the room granted', async () => {
    const { exit, port } = await server()
    exit.onOpen = (_open, stream, recorder) => {
      recorder.refill = false
      stream.grant(1)
      return true
    }
    const socket = await dial(port)
    const sent = 4_000_000
    socket.write(Buffer.alloc(sent))
    await until(() => exit.opened[0]?.recorder.data.length === 1)
    const { recorder, stream } = exit.opened[0]!
    const first = recorder.data[0]!
    expect(first.cost).toBe(first.payload.length + MESSAGE_COST)
    expect(first.payload.length).toBeLessThanOrEqual(65_536)
    recorder.refill = true
    stream.grant(first.cost)
    await until(() => recorder.data.reduce((sum, { payload }) => sum + payload.length, 0) === sent)
  })

  it('gives room again only when the peer reads', async () => {
    const { exit, port } = await server()
    const socket = await dial(port)
    socket.pause()
    await until(() => exit.opened.length === 1)
    const { stream, recorder } = exit.opened[0]!
    expect(stream.credit).toBe(WRITE_WINDOW)
    let sent = 0
    const fill = () => {
      while (stream.writable) {
        stream.write(Buffer.alloc(65_000), undefined)
        sent += 65_000
      }
    }
    recorder.onWritable = fill
    fill()
    // The system's own buffers take some megabytes; after that nothing is granted.
    let before = -1
    await vi.waitFor(() => {
      const stalled = sent === before
      before = sent
      expect(stalled).toBe(true)
    }, 5_000)
    recorder.onWritable = () => {}
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    socket.resume()
    await until(() => received === sent)
    await until(() => stream.credit > 0)
  })

  it('tells a reset from an end', async () => {
    const { exit, port } = await server()
    exit.onOpen = (_open, stream) => {
      stream.grant(100)
      return true
    }
    const [gone, ends] = [await dial(port), await dial(port)]
    await until(() => exit.opened.length === 2)
    const byPort = (socket: Socket) =>
      exit.opened.find(({ open }) => open.remote?.port === socket.localPort)!.recorder as Recorder<Bytes>
    const [goneSide, endsSide] = [byPort(gone), byPort(ends)]
    gone.resetAndDestroy()
    ends.end()
    await until(() => goneSide.aborted !== null && endsSide.ended)
    expect(goneSide.aborted?.code).toBe('closed')
    expect(endsSide.aborted).toBeNull()
  })

  it('closes a connection that the exit refuses', async () => {
    const { exit, port, reporter } = await server()
    exit.onOpen = () => false
    const socket = await dial(port)
    socket.resume()
    await once(socket, 'end')
    expect(reporter.counter('tcp.connections.refused').value).toBe(1)
  })

  it('hands the socket itself to an exit that owns sockets, and waits for it when it drains', async () => {
    const { harness, exit, port, reporter } = await server()
    const taken: Socket[] = []
    exit.onTake = (socket, open) => {
      taken.push(socket)
      socket.write(`for ${open.remote!.port}`)
      return 'taken'
    }
    const socket = await dial(port)
    expect(String((await once(socket, 'data'))[0])).toBe(`for ${socket.localPort}`)
    expect(exit.opened).toEqual([])
    expect(reporter.counter('tcp.connections.opened').value).toBe(1)
    let drained = false
    const draining = harness.binding.drain!().then(() => {
      drained = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(drained).toBe(false)
    await harness.binding.stop!()
    await draining
    expect(taken[0]!.destroyed).toBe(true)
  })

  it('closes a socket that such an exit refuses', async () => {
    const { exit, port, reporter } = await server()
    exit.onTake = () => 'refused'
    const socket = await dial(port)
    socket.resume()
    await once(socket, 'end')
    expect(reporter.counter('tcp.connections.refused').value).toBe(1)
  })

  it('names the address when the port is in use', async () => {
    const { port } = await server()
    await expect(server({ host: '127.0.0.1', port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program listens there (EADDRINUSE)`,
    )
  })

  it('drains when the last connection has gone, and stops twice', async () => {
    const { harness, exit, port } = await server()
    exit.onOpen = (_open, stream) => {
      stream.grant(100)
      return true
    }
    const socket = await dial(port)
    await until(() => exit.opened.length === 1)
    let drained = false
    const draining = harness.binding.drain!().then(() => {
      drained = true
    })
    const late = connect({ host: '127.0.0.1', port })
    await once(late, 'error')
    expect(drained).toBe(false)
    socket.destroy()
    await until(() => exit.opened[0]!.recorder.ended)
    expect(drained).toBe(false)
    exit.opened[0]!.stream.end()
    await draining
    await harness.binding.stop?.()
    await harness.binding.stop?.()
  })

  it('stops before it was started', async () => {
    await new Harness(tcp, { kind: 'server', options: { host: '127.0.0.1', port: 0 }, clock: clock() }).binding.stop?.()
  })
})

describe('tcp client', () => {
  function client(options: object | undefined, when: object[] = []) {
    const harness = new Harness(tcp, {
      kind: 'client',
      options: options ?? {},
      routes: when.length === 0 ? [] : [{ when, with: undefined, exit: null, permits: () => true }],
      clock: clock(),
    })
    cleanUp.push(() => harness.binding.stop?.())
    return harness
  }

  it('dials the address of its options and carries bytes both ways', async () => {
    const port = await listen((socket) => socket.pipe(socket))
    const recorder = new Recorder<Bytes>()
    const stream = client({ host: '127.0.0.1', port }).connect({}, recorder)!
    stream.grant(65_536)
    await until(() => recorder.accepts.length === 1)
    expect(recorder.accepts[0]!.remote).toEqual({ host: '127.0.0.1', port })
    stream.write(Buffer.from('ping'), undefined)
    await until(() => recorder.data.length === 1)
    expect(recorder.data[0]!.payload.toString()).toBe('ping')
    stream.end()
    await until(() => recorder.ended)
  })

  it('dials the wanted address when it has none of its own, or when a condition allows it', async () => {
    const port = await listen((socket) => socket.end('yes'))
    const remote = { host: 'localhost', port }
    for (const harness of [
      client(undefined),
      client(undefined, [{ cidr: '127.0.0.0/8' }, { cidr: '::1/128' }]),
      client({ host: '192.0.2.1', port: 1 }, [{ authority: 'local*' }]),
    ]) {
      const recorder = new Recorder<Bytes>()
      harness.connect({ remote }, recorder)!.grant(100)
      await until(() => recorder.data.length === 1)
    }
  })

  it('refuses what no condition allows, by address, by name and by what a name resolves to', async () => {
    const port = await listen((socket) => socket.end())
    const recorder = new Recorder<Bytes>()
    expect(
      client(undefined, [{ cidr: '10.0.0.0/8' }]).connect({ remote: { host: '127.0.0.1', port } }, recorder),
    ).toBeNull()
    expect(
      client(undefined, [{ authority: 'a.*' }]).connect({ remote: { host: 'localhost', port } }, recorder),
    ).toBeNull()
    expect(client(undefined).connect({}, recorder)).toBeNull()
    client(undefined, [{ cidr: '10.0.0.0/8' }]).connect({ remote: { host: 'localhost', port } }, recorder)
    await until(() => recorder.aborted !== null)
    expect(recorder.aborted!.message).toContain('no condition of binding allows')
  })

  it('aborts when nobody listens', async () => {
    const port = await listen(() => {})
    await cleanUp.pop()!()
    const recorder = new Recorder<Bytes>()
    client({ host: '127.0.0.1', port }).connect({}, recorder)
    await until(() => recorder.aborted !== null)
    expect(recorder.aborted!.message).toContain('ECONNREFUSED')
  })

  it('gives a raw socket to a neighbour that must own one', async () => {
    const port = await listen((socket) => socket.end('raw'))
    const socket = client(undefined).binding.dial!({ remote: { host: '127.0.0.1', port } }, null)!
    const [chunk] = await once(socket, 'data')
    expect(String(chunk)).toBe('raw')
  })
})
