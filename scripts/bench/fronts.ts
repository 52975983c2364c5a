/**
 * What stands between clients and the mqtt server in the scenarios about who may connect: a guard, or TLS, and what clients
 * show to it. Keys, certificates and passwords are made for each run.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { setPassword } from '@zilla-ts/guards'
import { Authority } from '@zilla-ts/testing/authority'
import { SignJWT } from 'jose'
import type { LoadOptions } from './load.ts'

/** One kind of front. */
export interface Front {
  /** entries beside `bindings`, as YAML */
  readonly entries: string
  /** bindings between tcp and mqtt, as YAML, indented by two; the first of them, absent: none */
  readonly bindings?: string
  readonly exit?: string
  /** `authorization` of the mqtt server and its routes, as YAML flow values; absent: anybody */
  readonly authorization?: string
  readonly guarded?: string
  /** puts the files that `entries` name there */
  prepare(directory: string): Promise<void>
  /** what the client with this number shows */
  client(at: number): LoadOptions
}

const NONE = async (): Promise<void> => {}
const ISSUER = 'https://bench.example.com'
const PASSWORD = 'correct horse battery staple'
const BEARER = '{ guard: { credentials: { connect: { username: "Bearer {credentials}" } } } }'

type Algorithm = 'RS256' | 'ES256'

function keyPair(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** `tokens`: how many there are; client n shows the one of n modulo that. */
export async function tokenFront(algorithm: Algorithm, tokens: number): Promise<Front> {
  const { privateKey, publicKey } = keyPair(algorithm)
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: algorithm }
  const sign = (at: number): Promise<string> =>
    new SignJWT({ scope: 'mqtt:stream' })
      .setProtectedHeader({ alg: algorithm, kid: 'bench' })
      .setIssuer(ISSUER)
      .setAudience(ISSUER)
      .setSubject(`client-${at}`)
      .setExpirationTime('1h')
      .sign(privateKey)
  const shown = await Promise.all(Array.from({ length: tokens }, (_, at) => sign(at)))
  const options = JSON.stringify({ issuer: ISSUER, audience: ISSUER, keys: [key] })
  return {
    entries: `guards:\n  guard: { type: jwt, options: ${options} }\n`,
    authorization: BEARER,
    guarded: '{ guard: [mqtt:stream] }',
    prepare: NONE,
    client: (at) => ({ username: `Bearer ${shown[at % tokens]}` }),
  }
}

/** One user and one password, as fleets have them; the hash is made once and known again. */
export const passwordFront: Front = {
  entries: 'guards:\n  guard: { type: password, options: { file: passwords } }\n',
  authorization: '{ guard: { credentials: { connect: { username: "{identity}", password: "{credentials}" } } } }',
  guarded: '{ guard: [] }',
  prepare: async (directory) => {
    await setPassword(join(directory, 'passwords'), { name: 'bench', password: PASSWORD })
  },
  client: () => ({ username: 'bench', password: PASSWORD }),
}

/** TLS 1.3 with an EC certificate; every client does a whole handshake. */
export async function tlsFront(): Promise<Front> {
  const authority = await Authority.create('bench')
  const { key, chain } = await authority.issue('server', { names: ['localhost'] })
  const tls: SecureContextOptions = { ca: authority.pem }
  return {
    entries: 'vaults:\n  vault: { type: filesystem, options: { keys: { type: pem, store: server.pem } } }\n',
    bindings:
      '  tls_server: { type: tls, kind: server, vault: vault, options: { keys: [server] }, exit: mqtt_server }\n',
    exit: 'tls_server',
    prepare: async (directory) => writeFileSync(join(directory, 'server.pem'), `${key}${chain}`),
    client: () => ({ tls }),
  }
}
