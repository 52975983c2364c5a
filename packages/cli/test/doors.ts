/**
 * One broker with a door of each sort: bare TCP, WebSocket, HTTP, a load balancer's PROXY header, TLS with certificates of
 * clients; guarded by token, password, certificate, or by certificate and token together. Behind all of them the rules are
 * the same: role `all` may do everything, role `own` what is below `d/<its own name>/`.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { setPassword } from '@zilla-ts/guards'
import { type ConnectOptions, MqttTestClient } from '@zilla-ts/testing'
import { Authority, type Issued, type Wishes } from '@zilla-ts/testing/authority'
import { SignJWT } from 'jose'
import { createWebSocketStream, WebSocket } from 'ws'
import { defer } from './fixture.ts'

export const ISSUER = 'https://issuer.test'
export const AUDIENCE = 'https://broker.test'
/** Everything secret that this process has made: none of it may be in any output. */
export const secrets = new Set<string>()

export interface IssuerKey {
  readonly privateKey: KeyObject
  readonly jwk: Readonly<Record<string, string>>
}

export function issuerKey(kid: string): IssuerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  secrets.add((privateKey.export({ format: 'jwk' }) as { d: string }).d)
  return { privateKey, jwk: { ...(publicKey.export({ format: 'jwk' }) as Record<string, string>), kid, alg: 'ES256' } }
}

/** `seconds`: until it ends, at whole seconds. */
export async function tokenOf(
  key: IssuerKey,
  { name, roles }: Who,
  { seconds = 600, now = Date.now(), issuer = ISSUER }: { seconds?: number; now?: number; issuer?: string } = {},
): Promise<string> {
  const issued = Math.floor(now / 1_000)
  const token = await new SignJWT({ scope: roles })
    .setProtectedHeader({ alg: 'ES256', kid: key.jwk['kid']! })
    .setIssuer(issuer)
    .setAudience(AUDIENCE)
    .setSubject(name)
    .setIssuedAt(issued)
    .setExpirationTime(issued + seconds)
    .sign(key.privateKey)
  secrets.add(token.slice(token.lastIndexOf('.') + 1))
  return token
}

/** Who shows something; roles are separated by blanks. */
export interface Who {
  readonly name: string
  readonly roles: string
}

export const DOORS = ['tcp', 'ws', 'web', 'proxy', 'password', 'tls', 'both'] as const
export type Door = (typeof DOORS)[number]

const jwtAuthorization = 'jwt: { credentials: { connect: { username: "Bearer {credentials}" }, auth: { method: T } } }'
const passwordAuthorization = 'users: { credentials: { connect: { password: "{credentials}" } } }'
const RULES = ['all', 'own'] as const

/** The routes of the rules for those of a guard; `more` is asked for beside it. */
function routesFor(guard: string, more = ''): string {
  const own = `{ topic: "d/{id}/#", params: { id: "\${guarded['${guard}'].identity}" } }`
  return RULES.map((role) => {
    const when = role === 'all' ? '' : `, when: [{ publish: [${own}], subscribe: [${own}] }]`
    return `\n      - { guarded: { ${guard}: [${role}]${more} }${when}, exit: mapping }`
  }).join('')
}

const server = (name: string, routes: string, authorization = '') => `
  ${name}:
    type: mqtt
    kind: server
    options: { ${authorization === '' ? '' : `authorization: { ${authorization} }`} }
    routes:${routes}`
const tcp = (door: Door, exit: string) => `
  tcp_${door}: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: ${exit} }`
const tls = (exit: string) => `
  tls_${exit}:
    type: tls
    kind: server
    vault: vault
    options:
      keys: [server]
      trust: [ca]
      authorization: { x509: { credentials: { certificates: pem } } }
    exit: ${exit}`
const http = (name: string, authorization: string) => `
  ${name}:
    type: http
    kind: server
    options: { ${authorization} }
    routes: [{ when: [{ headers: { upgrade: websocket } }], exit: ${name}_ws }]`
const ws = (name: string, exit: string) => `
  ${name}_ws: { type: ws, kind: server, routes: [{ when: [{ protocol: mqtt }], exit: ${exit} }] }`

/** `keys` of the jwt guard, as YAML. */
export const documentOf = (keys: string): string => `name: test
guards:
  jwt:
    type: jwt
    options: { issuer: ${ISSUER}, audience: ${AUDIENCE}, clockSkewSeconds: 0, keys: ${keys} }
  users: { type: password, options: { file: passwords } }
  x509:
    type: x509
    options:
      identity: subject.cn
      roles: { all: [{ subject.ou: all }], own: [{ subject.ou: own }], device: [{ subject.ou: device }] }
vaults:
  vault:
    type: filesystem
    options:
      keys: { type: pem, store: server.pem, password: "\${{env.KEY_PASSWORD}}" }
      trust: { type: pem, store: ca.pem }
bindings:${tcp('tcp', 'by_token')}${tcp('ws', 'open_http')}${tcp('web', 'guarded_http')}${tcp('proxy', 'proxy')}
  proxy: { type: proxy, kind: server, exit: by_token }${tcp('password', 'by_password')}${tcp('tls', 'tls_by_certificate')}
${tcp('both', 'tls_by_both')}${http('open_http', '')}${ws('open_http', 'by_token')}
${http('guarded_http', 'authorization: { jwt: { credentials: { headers: { authorization: "Bearer {credentials}" } } } }')}
${ws('guarded_http', 'by_request')}${tls('by_certificate')}${tls('by_both')}
${server('by_token', routesFor('jwt'), jwtAuthorization)}${server('by_request', routesFor('jwt'))}
${server('by_password', routesFor('users'), passwordAuthorization)}${server('by_certificate', routesFor('x509'))}
${server('by_both', routesFor('jwt', ', x509: [device]'), jwtAuthorization)}
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: { sessions: sessions, messages: messages, retained: retained }, create: { partitions: 2 } }
    exit: log
  log: { type: kafka-embedded, kind: server, options: { directory: log } }
`

export const KEY_PASSWORD = 'geheimnis-des-schluessels'
secrets.add(KEY_PASSWORD)

/** What clients show, and the ways in; the files of the document are in `directory`. */
export class Doors {
  readonly key: IssuerKey
  readonly authority: Authority
  readonly directory: string
  readonly #port: (door: Door) => number

  private constructor(directory: string, key: IssuerKey, authority: Authority, port: (door: Door) => number) {
    this.directory = directory
    this.key = key
    this.authority = authority
    this.#port = port
  }

  /** Writes the files that the document names. `port`: of a door, once the engine runs. */
  static async prepare(directory: string, key: IssuerKey, port: (door: Door) => number): Promise<Doors> {
    const authority = await Authority.create('authority')
    const { key: pem, chain } = await authority.issue('server', { names: ['localhost'] })
    keepSecret(pem)
    writeFileSync(join(directory, 'server.pem'), `${encrypted(pem)}${chain}`)
    writeFileSync(join(directory, 'ca.pem'), authority.pem)
    writeFileSync(join(directory, 'passwords'), '')
    return new Doors(directory, key, authority, port)
  }

  async addUser({ name, roles }: Who): Promise<void> {
    await setPassword(join(this.directory, 'passwords'), { name, password: passwordOf(name), roles: roles.split(' ') })
  }

  async certificate({ name, roles }: Who, wishes: Wishes = {}): Promise<Issued> {
    const units = roles.split(' ').map((role) => `OU=${role}`)
    const issued = await this.authority.issue(name, { ...wishes, subject: [`CN=${name}`, ...units].join(',') })
    keepSecret(issued.key)
    return issued
  }

  /** A client at the door that shows what it asks for; CONNECT is not sent yet. `token` takes the place of a good one. */
  async dial(door: Door, who: Who, options: ConnectOptions = {}, token?: string): Promise<[MqttTestClient, object]> {
    const port = this.#port(door)
    const bearer = token ?? (await tokenOf(this.key, who))
    const shown = { username: `Bearer ${bearer}` }
    switch (door) {
      case 'tcp':
        return [client(await open(connect(port, '127.0.0.1')), options), shown]
      case 'proxy': {
        const socket = await open(connect(port, '127.0.0.1'))
        socket.write('PROXY TCP4 192.0.2.1 198.51.100.1 1234 8883\r\n')
        return [client(socket, options), shown]
      }
      case 'ws':
        return [client(await webSocket(port), options), shown]
      case 'web':
        return [client(await webSocket(port, { authorization: `Bearer ${bearer}` }), options), {}]
      case 'password':
        return [
          client(await open(connect(port, '127.0.0.1')), options),
          { username: who.name, password: Buffer.from(passwordOf(who.name)) },
        ]
      case 'tls':
        return [client(await this.secure(port, await this.certificate(who)), options), {}]
      case 'both':
        return [client(await this.secure(port, await this.certificate({ ...who, roles: 'device' })), options), shown]
    }
  }

  /** A client over TLS with this certificate, or without any. */
  async secureClient(door: Door, issued: Issued | null, options: ConnectOptions = {}): Promise<MqttTestClient> {
    return client(await this.secure(this.#port(door), issued), options)
  }

  async secure(port: number, issued: Issued | null): Promise<Duplex> {
    const shown = issued === null ? {} : { key: issued.key, cert: issued.chain }
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: this.authority.pem, ...shown })
    await once(socket, 'secureConnect')
    return socket
  }

  /** Connects; fails unless it is accepted. Deliveries are acknowledged. */
  async enter(door: Door, who: Who, options: ConnectOptions = {}, token?: string): Promise<MqttTestClient> {
    const all = { acknowledge: true, clientId: who.name, ...options }
    const [client, shown] = await this.dial(door, who, all, token)
    const { reasonCode } = await client.offer({ ...shown, ...all })
    if (reasonCode !== 0) throw new Error(`${who.name} is refused at ${door} with 0x${reasonCode.toString(16)}`)
    return client
  }

  /** The reason code that it is answered with. */
  async knock(door: Door, who: Who, options: ConnectOptions = {}, token?: string): Promise<number> {
    const all = { clientId: who.name, ...options }
    const [client, shown] = await this.dial(door, who, all, token)
    return (await client.offer({ ...shown, ...all })).reasonCode
  }
}

export function passwordOf(name: string): string {
  const password = `kennwort-von-${name}-!`
  secrets.add(password)
  return password
}

function client(socket: Duplex, options: ConnectOptions): MqttTestClient {
  const client = MqttTestClient.over(socket, options)
  defer(() => client.kill())
  return client
}

async function open(socket: Socket): Promise<Socket> {
  await once(socket, 'connect')
  return socket
}

async function webSocket(port: number, headers: Readonly<Record<string, string>> = {}): Promise<Duplex> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', { headers })
  await once(socket, 'open')
  const stream = createWebSocketStream(socket)
  // It would wait for our own end.
  stream.once('end', () => stream.destroy())
  return stream
}

/** A line of the key is enough to be found by. */
function keepSecret(pem: string): void {
  secrets.add(pem.split('\n')[2]!)
}

function encrypted(pem: string): string {
  const key = createPrivateKey(pem)
  return String(key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: KEY_PASSWORD }))
}
