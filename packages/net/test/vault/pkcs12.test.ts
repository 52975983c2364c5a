/** PKCS#12 files as the usual tools make them, old ciphers and new, read with the names that the tools gave. */
import { spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Authority, type Issued } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it } from 'vitest'
import { keyPairs, trusted } from '../../src/vault/entries.ts'
import { readPkcs12 } from '../../src/vault/pkcs12.ts'
import { Folder } from '../folder.ts'

const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0
const hasOpenssl = has('openssl', 'version')
/** OpenSSL 3 keeps old ciphers apart, and not everywhere. */
const hasLegacy = hasOpenssl && has('openssl', 'list', '-providers', '-provider', 'legacy')
const hasKeytool = has('keytool', '-list', '-help')

let root: Authority
const issued: Record<'ec' | 'rsa', Issued> = {} as never

beforeAll(async () => {
  root = await Authority.create('root')
  const intermediate = await root.intermediate('intermediate')
  issued.ec = await intermediate.issue('ec', { names: ['localhost'] })
  issued.rsa = await intermediate.issue('rsa', { names: ['localhost'], sort: 'rsa' })
})

function run(folder: Folder, command: string, ...args: string[]): void {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd: folder.path, encoding: 'utf8' })
  expect(status, `${stdout}${stderr}`).toBe(0)
}

function expectKey(bytes: Buffer, password: string, name: string, subject: string): void {
  const [pair, ...more] = keyPairs(readPkcs12(bytes, password))
  expect(more).toEqual([])
  expect(pair!.name).toBe(name)
  const own = new X509Certificate(pair!.certificates)
  expect(own.subject).toBe(subject)
  expect(own.checkPrivateKey(createPrivateKey(pair!.key))).toBe(true)
  // Byte for byte, or the signature is none.
  expect(pair!.certificates).toContain(String(new X509Certificate(issued[subject.slice(3) as 'ec'].chain)))
  expect(pair!.certificates.match(/BEGIN/g)).toHaveLength(2)
}

describe.skipIf(!hasOpenssl)('openssl', () => {
  const CIPHERS: [string, string[]][] = [
    ['of today', []],
    ['AES-128, SHA-1', ['-keypbe', 'aes-128-cbc', '-certpbe', 'aes-128-cbc', '-macalg', 'sha1']],
    ['SHA-512', ['-macalg', 'sha512']],
    ['certificates in the clear', ['-certpbe', 'NONE']],
    ...(hasLegacy ? ([['of yesterday, RC2 and 3DES', ['-legacy']]] as [string, string[]][]) : []),
    ['3DES', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES']],
  ]

  it.each(CIPHERS.flatMap(([name, args]) => (['ec', 'rsa'] as const).map((sort) => [name, sort, args] as const)))(
    'makes %s, %s',
    (_, sort, args) => {
      const folder = new Folder()
      folder.write('in.pem', `${issued[sort].key}${issued[sort].chain}`)
      const options = [
        '-export',
        '-in',
        'in.pem',
        '-out',
        'out.p12',
        '-name',
        'My key',
        '-passout',
        'pass:geheim',
        ...args,
      ]
      run(folder, 'openssl', 'pkcs12', ...options)
      expectKey(readFileSync(folder.file('out.p12')), 'geheim', 'My key', `CN=${sort}`)
    },
  )

  it('makes files without names and without a password', () => {
    const folder = new Folder()
    folder.write('in.pem', `${issued.ec.key}${issued.ec.chain}`)
    run(folder, 'openssl', 'pkcs12', '-export', '-in', 'in.pem', '-out', 'out.p12', '-passout', 'pass:')
    const [pair] = keyPairs(readPkcs12(readFileSync(folder.file('out.p12')), undefined))
    expect(pair!.name).toMatch(/^\d$/)
  })

  it('is refused with a wrong password, which is not told', () => {
    const folder = new Folder()
    folder.write('in.pem', `${issued.ec.key}${issued.ec.chain}`)
    run(folder, 'openssl', 'pkcs12', '-export', '-in', 'in.pem', '-out', 'out.p12', '-passout', 'pass:geheim')
    const bytes = readFileSync(folder.file('out.p12'))
    for (const password of ['wrongly', undefined]) {
      expect(() => readPkcs12(bytes, password)).toThrow(/^the password is wrong, or the file is damaged$/)
    }
    expect(() => readPkcs12(bytes.subarray(0, 500), 'geheim')).toThrow('it is no PKCS#12 file')
  })
})

describe.skipIf(!hasKeytool)('keytool', () => {
  const generate = (folder: Folder, alias: string, algorithm: string[], ...flags: string[]) =>
    run(
      folder,
      'keytool',
      ...flags,
      ...['-genkeypair', '-alias', alias, '-keyalg', ...algorithm, '-dname', `CN=${alias}`, '-storetype', 'pkcs12'],
      ...['-keystore', 'store.p12', '-storepass', 'geheim', '-validity', '10'],
    )

  it.each([
    ['of today', []],
    ['of yesterday', ['-J-Dkeystore.pkcs12.legacy']],
  ])(
    'makes stores %s with several keys',
    (_, flags) => {
      const folder = new Folder()
      generate(folder, 'one', ['EC', '-groupname', 'secp256r1'], ...flags)
      generate(folder, 'Two', ['RSA', '-keysize', '2048'], ...flags)
      const pairs = keyPairs(readPkcs12(readFileSync(folder.file('store.p12')), 'geheim'))
      expect(pairs.map(({ name }) => name)).toEqual(['one', 'two'])
      for (const { key, certificates } of pairs)
        expect(new X509Certificate(certificates).checkPrivateKey(createPrivateKey(key))).toBe(true)
    },
    60_000,
  )

  it('makes stores of trusted certificates', () => {
    const folder = new Folder()
    folder.write('root.pem', root.pem)
    run(
      folder,
      'keytool',
      ...['-importcert', '-noprompt', '-alias', 'client-ca', '-file', 'root.pem', '-storetype', 'pkcs12'],
      ...['-keystore', 'trust.p12', '-storepass', 'geheim'],
    )
    const certificates = trusted(readPkcs12(readFileSync(folder.file('trust.p12')), 'geheim'))
    expect(certificates).toEqual([{ name: 'client-ca', certificate: String(new X509Certificate(root.pem)) }])
  }, 60_000)
})
