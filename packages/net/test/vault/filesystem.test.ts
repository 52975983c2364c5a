/** The filesystem vault: what it finds in which files, what it says of files it cannot use, and what follows a change. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { renameSync, truncateSync } from 'node:fs'
import { createRegistry, loadConfig } from '@zilla-ts/engine'
import { FakeClock, TestReporter } from '@zilla-ts/testing'
import { Authority, type Issued } from '@zilla-ts/testing/authority'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { filesystemVault } from '../../src/vault/filesystem.ts'
import { defer, Folder } from '../folder.ts'

type Options = Parameters<typeof filesystemVault.attach>[0]['options']
type Given = Partial<Options>

let root: Authority
let intermediate: Authority
let server: Issued
let other: Issued

beforeAll(async () => {
  root = await Authority.create('root')
  intermediate = await root.intermediate('intermediate')
  server = await intermediate.issue('server', { names: ['localhost'] })
  other = await root.issue('other', { names: ['other.example'], sort: 'rsa' })
})

function attach(folder: Folder, options: Given) {
  const clock = new FakeClock()
  const report = new TestReporter()
  const vault = filesystemVault.attach({
    namespace: 'test',
    name: 'vault',
    options: { revocation: 'none', ...options } as Options,
    directory: folder.path,
    clock,
    report,
  })
  defer(() => vault.stop?.())
  return { vault, clock, report }
}

const pemStore = (store: string | [string, ...string[]], more: object = {}) => ({
  store,
  type: 'pem' as const,
  ...more,
})

describe('PEM', () => {
  it('puts a key together with its chain, from one file or several, in whatever order', async () => {
    const folder = new Folder()
    folder.write('one.pem', `${root.pem}${server.chain}${server.key}`)
    folder.write('tls.crt', server.chain)
    folder.write('tls.key', server.key)
    for (const keys of [pemStore('one.pem'), pemStore(['tls.crt', 'tls.key'])]) {
      const { vault } = attach(folder, { keys })
      await vault.start?.()
      const [pair, ...more] = vault.keys
      expect(more).toEqual([])
      expect(pair!.name).toBe(keys.store === 'one.pem' ? 'one' : 'tls')
      const own = new X509Certificate(pair!.certificates)
      expect(own.subject).toBe('CN=server')
      expect(own.checkPrivateKey(createPrivateKey(pair!.key))).toBe(true)
      expect(pair!.certificates).toContain(String(new X509Certificate(intermediate.pem)))
      expect(pair!.certificates.includes(String(new X509Certificate(root.pem)))).toBe(keys.store === 'one.pem')
    }
  })

  it('takes names from comments, from what openssl writes, and from the file', async () => {
    const folder = new Folder()
    folder.write(
      'ca.pem',
      `# My root\n${root.pem}Bag Attributes\n    friendlyName: middle \nsubject=CN = x\n${intermediate.pem}\n${root.pem}${intermediate.pem}`,
    )
    const { vault } = attach(folder, { trust: pemStore('ca.pem') })
    await vault.start?.()
    expect(vault.trust.map(({ name }) => name)).toEqual(['My root', 'middle', 'ca', 'ca-2'])
    expect(vault.keys).toEqual([])
  })

  it('uses the entries that are named, whatever their case', async () => {
    const folder = new Folder()
    folder.write('ca.pem', `# root\n${root.pem}# middle\n${intermediate.pem}`)
    const { vault } = attach(folder, { trust: pemStore('ca.pem', { entries: ['Middle'] }) })
    await vault.start?.()
    expect(vault.trust.map(({ name }) => name)).toEqual(['middle'])
  })

  it('opens an encrypted key with the password', async () => {
    const folder = new Folder()
    const key = createPrivateKey(server.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'geheim',
    })
    folder.write('server.pem', `${key}${server.chain}`)
    const { vault } = attach(folder, { keys: pemStore('server.pem', { password: 'geheim' }) })
    await vault.start?.()
    expect(vault.keys[0]!.key).toMatch(/^-----BEGIN PRIVATE KEY-----/)
    const without = attach(folder, { keys: pemStore('server.pem') }).vault
    await expect(without.start?.()).rejects.toThrow('the key server is encrypted, and there is no password')
    const wrong = attach(folder, { keys: pemStore('server.pem', { password: 'wrongly' }) }).vault
    const error = await wrong.start!().catch((each: Error) => each)
    expect(String(error)).toContain('the password does not fit the key server')
    expect(String(error)).not.toContain('wrongly')
  })
})

describe('a file that cannot be used ends the start', () => {
  it.each<[string, (folder: Folder) => Given, string]>([
    ['missing', () => ({ keys: pemStore('none.pem') }), 'cannot read {}/none.pem, of keys: there is no such file'],
    ['a folder', () => ({ trust: pemStore('.') }), 'cannot read {}, of trust: it is a folder'],
    [
      'too large',
      (folder) => {
        truncateSync(folder.write('large.pem', ''), 16_777_217)
        return { trust: pemStore('large.pem') }
      },
      'it has more than 16777216 bytes',
    ],
    ['empty', (folder) => ({ trust: pemStore(folder.write('e.pem', '')) }), 'it holds no PEM block'],
    [
      'cut off',
      (folder) => ({ trust: pemStore(folder.write('c.pem', root.pem.slice(0, 200))) }),
      'begins there and does not end',
    ],
    [
      'damaged',
      (folder) => ({
        trust: pemStore(folder.write('d.pem', root.pem.replace(/\n[A-Za-z0-9]{20}/, '\nAAAAAAAAAAAAAAAAAAAA'))),
      }),
      'the certificate d cannot be read: it is damaged',
    ],
    [
      'of another sort',
      (folder) => ({ trust: pemStore(folder.write('crl.pem', '-----BEGIN FISH-----\n-----END FISH-----\n')) }),
      'it holds a FISH',
    ],
    [
      'binary',
      (folder) => ({ trust: pemStore(folder.write('b.pem', Buffer.from([0x30, 0x82, 0xff]))) }),
      'it is no text',
    ],
    [
      'a key without a certificate',
      (folder) => ({ keys: pemStore(folder.write('k.pem', server.key)) }),
      'the key k has no certificate there',
    ],
    [
      'certificates without a key',
      (folder) => ({ keys: pemStore(folder.write('k.pem', server.chain)) }),
      'it holds no private key',
    ],
    [
      'an entry that is not there',
      (folder) => ({ trust: pemStore(folder.write('ca.pem', root.pem), { entries: ['root'] }) }),
      'there is no entry root, only ca',
    ],
    [
      'no PKCS#12',
      (folder) => ({ keys: { store: folder.write('k.p12', 'text'), type: 'pkcs12' } }),
      'it is no PKCS#12 file',
    ],
    [
      'no revocation list',
      (folder) => ({ revocation: 'crl', crl: { store: folder.write('x.crl', 'nothing') } }),
      'of crl: it is no revocation list',
    ],
  ])('%s', async (_, options, message) => {
    const folder = new Folder()
    const { vault } = attach(folder, options(folder))
    await expect(vault.start?.()).rejects.toThrow(message.replace('{}', folder.path))
  })
})

describe('revocation lists', () => {
  it('are read from PEM and DER', async () => {
    const folder = new Folder()
    const list = await root.revoke([other])
    folder.write('list.pem', list)
    folder.write('list.der', Buffer.from(list.split('\n').slice(1, -2).join(''), 'base64'))
    const { vault } = attach(folder, { revocation: 'crl', crl: { store: ['list.pem', 'list.der'] } })
    await vault.start?.()
    expect(vault.crls).toHaveLength(2)
    expect(vault.crls![1]).toBe(vault.crls![0])
  })
})

describe('files that change', () => {
  async function started() {
    const folder = new Folder()
    folder.write('keys.pem', `# first\n${server.key}${server.chain}`)
    const running = attach(folder, { keys: pemStore('keys.pem') })
    await running.vault.start?.()
    const changes = vi.fn()
    running.vault.onChange(changes)
    return { ...running, folder, changes }
  }

  /** Lets the vault look until something holds. */
  const lookUntil = (clock: FakeClock, holds: () => void) =>
    vi.waitFor(
      () => {
        clock.advance(1_000)
        holds()
      },
      { timeout: 10_000, interval: 5 },
    )

  it('are read again, in place or replaced', async () => {
    const { vault, clock, folder, changes, report } = await started()
    folder.write('keys.pem', `# second\n${other.key}${other.chain}`)
    await lookUntil(clock, () => expect(changes).toHaveBeenCalledTimes(1))
    expect(vault.keys.map(({ name }) => name)).toEqual(['second'])
    renameSync(folder.write('new.pem', `# third\n${server.key}${server.chain}`), folder.file('keys.pem'))
    await lookUntil(clock, () => expect(changes).toHaveBeenCalledTimes(2))
    expect(vault.keys.map(({ name }) => name)).toEqual(['third'])
    expect(report.events.map(({ event }) => event)).toEqual(['VAULT_RELOADED', 'VAULT_RELOADED'])
    expect(report.faults).toEqual([])
  })

  it('stay as they were when they are wrong, which is said once', async () => {
    const { vault, clock, folder, changes, report } = await started()
    renameSync(folder.file('keys.pem'), folder.file('away.pem'))
    await lookUntil(clock, () => expect(report.events).toHaveLength(1))
    expect(report.events[0]).toMatchObject({ level: 'error', event: 'VAULT_NOT_RELOADED' })
    expect(report.events[0]!.message).toContain('keys.pem, of keys: there is no such file')
    expect(vault.keys.map(({ name }) => name)).toEqual(['first'])
    // Looked at some more times: nothing new to say.
    for (let looks = 0; looks < 5; looks++) {
      await vi.waitFor(() => expect(clock.pending).toBe(1))
      clock.advance(1_000)
    }
    await vi.waitFor(() => expect(clock.pending).toBe(1))
    expect(report.events).toHaveLength(1)
    expect(changes).not.toHaveBeenCalled()
    folder.write('keys.pem', `# back\n${server.key}${server.chain}`)
    await lookUntil(clock, () => expect(changes).toHaveBeenCalledTimes(1))
    expect(vault.keys.map(({ name }) => name)).toEqual(['back'])
  })

  it('are not looked at any more after the stop', async () => {
    const { vault, clock } = await started()
    await vault.stop?.()
    await vault.stop?.()
    expect(clock.pending).toBe(0)
  })
})

describe('in a document', () => {
  const registry = createRegistry({ bindings: [], vaults: [filesystemVault as never] })
  const problemsOf = (options: string) =>
    loadConfig({
      text: `name: test\nvaults:\n  v: { type: filesystem${options} }\n`,
      file: 'zilla.yaml',
      registry,
      environment: {},
    })
      .problems.filter(({ code }) => code !== 'unused-vault')
      .map(({ level, code, path }) => `${level} ${code} ${path}`)

  it.each([
    ['', ['error missing-property /vaults/v']],
    [', options: {}', ['error vault-empty /vaults/v/options']],
    [', options: { keys: {} }', ['error missing-property /vaults/v/options/keys']],
    [', options: { keys: { store: a.p12 } }', []],
    [', options: { keys: { store: a.jks, type: jks } }', ['error value-not-allowed /vaults/v/options/keys/type']],
    [', options: { keys: { store: [a, b] } }', ['error store-list /vaults/v/options/keys/store']],
    [', options: { keys: { store: [a, b], type: pem } }', []],
    [', options: { trust: { store: a }, revocation: crl }', ['error crl-missing /vaults/v/options/revocation']],
    [', options: { trust: { store: a }, revocation: ocsp }', ['error value-not-allowed /vaults/v/options/revocation']],
    [', options: { trust: { store: a }, crl: { store: c } }', ['warning crl-unused /vaults/v/options/crl']],
    [', options: { trust: { store: a }, revocation: crl, crl: { store: c } }', []],
  ])('%s', (options, expected) => {
    expect(problemsOf(options)).toEqual(expected)
  })
})
