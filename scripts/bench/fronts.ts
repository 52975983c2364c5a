/**
 * What stands before the mqtt server in the scenarios that measure how clients come in: a guard, TLS. Keys, certificates and
 * passwords are made for the run.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setPassword } from '@zilla-ts/guards'
import { Authority } from '@zilla-ts/testing/authority'
import type { LoadOptions } from './load.ts'

const ISSUER = 'https://issuer.test'
const AUDIENCE = 'https://broker.test'
const ROLE = 'mqtt:stream'
/** more than a slow password hash lets in during a run */
const USERS = 5_000
const TOKEN_SECONDS = 3_600

export interface Front {
  /** sections of the document beside `bindings`, YAML */
  readonly sections: string
  /** `options.authorization` of the mqtt server, YAML; empty: none */
  readonly authorization: string
  /** `guarded` of its route, YAML */
  readonly guarded: string
  readonly tls: boolean
  /** where the engine runs, with the files that the document names; absent: anywhere */
  readonly directory?: string
  /** what the client of this number shows; the same number, the same thing */
  shown(at: number): LoadOptions
}

export const OPEN: Front = { sections: '', authorization: '', guarded: '', tls: false, shown: () => ({}) }

const ALGORITHMS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
} as const

export type TokenAlgorithm = keyof typeof ALGORITHMS

export async function tokens(alg: TokenAlgorithm): Promise<Front> {
  const { privateKey, publicKey } = ALGORITHMS[alg]()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg }
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = encode({ alg, kid: 'bench', typ: 'JWT' })
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { iss: ISSUER, aud: AUDIENCE, scope: ROLE, iat, exp: iat + TOKEN_SECONDS }
  const made = new Map<number, string>()
  const token = (at: number): string => {
    const text = `${header}.${encode({ ...claims, sub: `client-${at}` })}`
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
  return {
    sections: `guards:
  who: { type: jwt, options: { issuer: ${ISSUER}, audience: ${AUDIENCE}, keys: [${JSON.stringify(jwk)}] } }
`,
    authorization: 'who: { credentials: { connect: { username: "Bearer {credentials}" } } }',
    guarded: `who: [${ROLE}]`,
    tls: false,
    shown(at) {
      if (!made.has(at)) made.set(at, token(at))
      return { username: `Bearer ${made.get(at)}` }
    },
  }
}

export async function passwords(): Promise<Front> {
  const directory = mkdtempSync(join(tmpdir(), 'zilla-bench-'))
  const file = join(directory, 'passwords')
  await setPassword(file, { name: 'user-0', password: 'secret', roles: [ROLE] })
  // The guard knows a password again by user, so that all may have the same hash.
  const line = readFileSync(file, 'utf8').trim()
  const lines = Array.from({ length: USERS }, (_, at) => line.replace('user-0', `user-${at}`))
  writeFileSync(file, `${lines.join('\n')}\n`)
  return {
    sections: 'guards:\n  who: { type: password, options: { file: passwords } }\n',
    authorization: 'who: { credentials: { connect: { password: "{credentials}" } } }',
    guarded: `who: [${ROLE}]`,
    tls: false,
    directory,
    shown: (at) => ({ username: `user-${at % USERS}`, password: 'secret' }),
  }
}

export async function secure(): Promise<Front> {
  const directory = mkdtempSync(join(tmpdir(), 'zilla-bench-'))
  const authority = await Authority.create('bench')
  const { key, chain } = await authority.issue('localhost', { names: ['localhost'] })
  writeFileSync(join(directory, 'server.pem'), `${key}${chain}`)
  return {
    sections: 'vaults:\n  keys: { type: filesystem, options: { keys: { type: pem, store: server.pem } } }\n',
    authorization: '',
    guarded: '',
    tls: true,
    directory,
    shown: () => ({ authority: authority.pem }),
  }
}
