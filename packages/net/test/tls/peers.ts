/** What tests of tls bindings are played with: a vault in memory, a tcp listener in front, clients and servers of Node. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  connect as tlsConnect,
} from 'node:tls'
import {
  type Exit,
  type KeyPair,
  type Route,
  type Session,
  SystemClock,
  type TrustedCertificate,
  type Vault,
} from '@zilla-ts/engine'
import { Harness, type HarnessOptions } from '@zilla-ts/testing'
import type { Authority, Issued } from '@zilla-ts/testing/authority'
import { expect, vi } from 'vitest'
import type { Bytes, BytesOpen } from '../../src/stream.ts'
import { tls } from '../../src/tls/binding.ts'
import type { TlsConfig } from '../../src/tls/tls.config.ts'
import { defer } from '../folder.ts'

export class MemoryVault implements Vault {
  keys: readonly KeyPair[]
  trust: readonly TrustedCertificate[]
  signers: readonly TrustedCertificate[] = []
  crls: readonly string[] | null = null
  readonly #listeners: (() => void)[] = []

  constructor(keys: readonly Issued[] = [], trust: readonly Authority[] = []) {
    this.keys = keys.map(keyPair)
    this.trust = trust.map(trustedCertificate)
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

export const keyPair = ({ name, key, chain }: Issued): KeyPair => ({ name, key, certificates: chain })
export const trustedCertificate = ({ name, pem }: Authority): TrustedCertificate => ({ name, certificate: pem })

export const systemClock = () => new SystemClock((where, error) => expect.fail(`${where}: ${error}`))

export const until = (holds: () => unknown) =>
  vi.waitFor(() => expect(holds()).toBeTruthy(), { timeout: 10_000, interval: 2 })

type Options = Partial<HarnessOptions<TlsConfig, Bytes>>

/** A tls binding, started. */
export async function started(kind: 'server' | 'client' | 'proxy', options: Options = {}) {
  const harness = new Harness(tls, { kind, clock: systemClock(), ...options })
  defer(() => harness.binding.stop?.())
  defer(() => expect(harness.reporter.faults).toEqual([]))
  await harness.binding.start?.()
  return harness
}

export type TlsHarness = Awaited<ReturnType<typeof started>>

/** A route to the exit of a harness, or to another. */
export const route = (
  exit: Exit<Bytes>,
  when: readonly NonNullable<TlsConfig['when']>[] = [],
  more: Partial<Route<TlsConfig, Bytes>> = {},
): Route<TlsConfig, Bytes> => ({ when, with: undefined, exit, permits: () => true, ...more })

/** Listens, and hands every socket to the binding as a tcp server would. What became of them is in `taken`. */
export async function inFrontOf({ binding }: TlsHarness, session: Session | null = null) {
  const taken: string[] = []
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const open: BytesOpen = {
      local: { host: socket.localAddress!, port: socket.localPort! },
      remote: { host: socket.remoteAddress!, port: socket.remotePort! },
    }
    sockets.push(socket)
    const answer = binding.take!(socket, open, session)
    taken.push(answer)
    if (answer === 'refused') socket.destroy()
  })
  return { port: await listening(server), taken, sockets }
}

/** Lets a server listen until the test ends. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  defer(() => server.close())
  return (server.address() as { port: number }).port
}

/** What became of a connection: the TLS client's socket once secure, or the error it ended with. */
export interface Attempt {
  readonly socket: TLSSocket
  readonly error: (Error & { code?: string }) | null
}

/** Connects, and waits until that has succeeded or failed. */
export async function attempt(port: number, options: ConnectionOptions): Promise<Attempt> {
  const socket = tlsConnect({ port, host: '127.0.0.1', allowHalfOpen: true, ...options } as ConnectionOptions)
  defer(() => socket.destroy())
  const error = await new Promise<Error | null>((resolve) => {
    socket.once('secureConnect', () => resolve(null))
    socket.once('error', resolve)
    socket.once('close', () => resolve(new Error('closed')))
  })
  socket.on('error', () => {})
  return { socket, error }
}

/** Resolves when a client's socket is closed; what it had to say is thrown away. */
export async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.resume()
  // Not `once` of node:events, for which an error is a rejection.
  await new Promise((resolve) => socket.once('close', resolve))
}

/** A connected socket without TLS. */
export async function plain(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  defer(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** A TLS server of Node's that gives its connections to `onSocket`, and its port. */
export async function tlsServer(options: TlsOptions, onSocket: (socket: TLSSocket) => void = () => {}) {
  const server = createTlsServer({ allowHalfOpen: true, ...options } as TlsOptions, (socket) => {
    defer(() => socket.destroy())
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.on('tlsClientError', () => {})
  return { port: await listening(server) }
}

/** Grants room to everything that is opened. */
export function accepting({ exit }: TlsHarness): TlsHarness['exit'] {
  exit.onOpen = (_open, stream) => {
    stream.grant(65_536)
    return true
  }
  return exit
}

/** Messages of the events of one code. */
export const events = ({ reporter }: TlsHarness, event: string): string[] =>
  reporter.events.filter((each) => each.event === event).map(({ message }) => message)

export const count = ({ reporter }: TlsHarness, name: string): number => reporter.counter(name).value
