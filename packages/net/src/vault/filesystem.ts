/**
 * The `filesystem` vault: keys and certificates in files. Files are looked at once a second, which works on every file
 * system and with every way of replacing a file; what has changed is read when it has stayed the same for a second, so that
 * nothing half written is. A file that is wrong then is reported, and what was read before stays.
 */
import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type {
  Finding,
  KeyPair,
  StreamError,
  Task,
  Timer,
  TrustedCertificate,
  Vault,
  VaultContext,
  VaultModule,
} from '@zilla-ts/engine'
import { keyPairs, type StoreEntries, StoreFault, select, trusted } from './entries.ts'
import { type FilesystemConfig, schema } from './filesystem.config.ts'
import { pemBlocks, readPem } from './pem.ts'
import { readPkcs12 } from './pkcs12.ts'

type Options = NonNullable<FilesystemConfig['options']>
type Store = NonNullable<Options['keys']>

const LOOK_MS = 1_000
/** Far above any store, and above most revocation lists. */
const FILE_BYTES_MAX = 16_777_216

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
}

interface Content {
  readonly keys: readonly KeyPair[]
  readonly trust: readonly TrustedCertificate[]
  readonly signers: readonly TrustedCertificate[]
  readonly crls: readonly string[] | null
}

class FilesystemVault implements Vault, Task {
  readonly #context: VaultContext<Options>
  readonly #listeners: (() => void)[] = []
  readonly #files: readonly string[]
  #content: Content = { keys: [], trust: [], signers: [], crls: null }
  /** what the files looked like when they were read last, and when they were looked at last */
  #read = ''
  #seen = ''
  #timer: Timer | null = null
  #stopped = false

  constructor(context: VaultContext<Options>) {
    this.#context = context
    const { keys, trust, signers, crl } = context.options
    this.#files = [keys, trust, signers, crl].flatMap((each) => (each === undefined ? [] : this.#paths(each.store)))
  }

  get keys(): readonly KeyPair[] {
    return this.#content.keys
  }

  get trust(): readonly TrustedCertificate[] {
    return this.#content.trust
  }

  get signers(): readonly TrustedCertificate[] {
    return this.#content.signers
  }

  get crls(): readonly string[] | null {
    return this.#content.crls
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async start(): Promise<void> {
    // Before they are read: what changes meanwhile is read again.
    this.#read = await looksOf(this.#files)
    this.#seen = this.#read
    this.#content = await this.#load()
    if (!this.#stopped) this.#timer = this.#context.clock.after(LOOK_MS, this)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Time to look. */
  run(): void {
    this.#look()
      .catch((error: unknown) => this.#context.report.fault('filesystem.look', error))
      .finally(() => {
        if (!this.#stopped) this.#timer = this.#context.clock.after(LOOK_MS, this)
      })
  }

  /** Never called: `run` does not throw. */
  fault(_error: StreamError): void {}

  async #look(): Promise<void> {
    const seen = await looksOf(this.#files)
    const settled = seen === this.#seen
    this.#seen = seen
    if (settled && seen !== this.#read) await this.#reload(seen)
  }

  async #reload(looks: string): Promise<void> {
    const { report } = this.#context
    this.#read = looks
    try {
      const content = await this.#load()
      if (this.#stopped) return
      this.#content = content
    } catch (error) {
      const message = `what was read before stays: ${(error as Error).message}`
      report.event('error', 'VAULT_NOT_RELOADED', message)
      return
    }
    report.event('info', 'VAULT_RELOADED', 'keys and certificates were read again')
    for (const listener of this.#listeners) listener()
  }

  async #load(): Promise<Content> {
    const { keys, trust, signers, revocation, crl } = this.#context.options
    return {
      keys: await this.#entries('keys', keys, keyPairs),
      trust: await this.#entries('trust', trust, trusted),
      signers: await this.#entries('signers', signers, trusted),
      crls: revocation === 'crl' && crl !== undefined ? await this.#crls(this.#paths(crl.store)) : null,
    }
  }

  async #entries<T extends { readonly name: string }>(
    what: string,
    store: Store | undefined,
    entriesOf: (entries: StoreEntries) => T[],
  ): Promise<readonly T[]> {
    if (store === undefined) return []
    const files = this.#paths(store.store)
    const contents: StoreEntries[] = []
    for (const file of files) {
      contents.push(
        await reading(file, what, (bytes) =>
          store.type === 'pem' ? readPem(textOf(bytes), file, store.password) : readPkcs12(bytes, store.password),
        ),
      )
    }
    return naming(files.join(', '), what, () => {
      const entries = entriesOf({
        keys: contents.flatMap((content) => content.keys),
        certificates: contents.flatMap((content) => content.certificates),
      })
      if (entries.length === 0) throw new StoreFault(`it holds no ${what === 'keys' ? 'private key' : 'certificate'}`)
      return select(entries, store.entries)
    })
  }

  async #crls(files: readonly string[]): Promise<string[]> {
    const lists: string[] = []
    for (const file of files) lists.push(...(await reading(file, 'crl', crlsOf)))
    return lists
  }

  #paths(store: string | readonly string[]): string[] {
    return [store].flat().map((path) => resolve(this.#context.directory, path))
  }
}

/** What tells a changed file from an unchanged one. */
async function looksOf(files: readonly string[]): Promise<string> {
  const looks = files.map(async (file) => {
    try {
      const { ino, size, mtimeMs } = await stat(file)
      return `${ino} ${size} ${mtimeMs}`
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code)
    }
  })
  return (await Promise.all(looks)).join('\n')
}

async function reading<T>(file: string, what: string, parse: (bytes: Buffer) => T): Promise<T> {
  let bytes: Buffer
  try {
    const { size } = await stat(file)
    if (size > FILE_BYTES_MAX) throw new StoreFault(`it has more than ${FILE_BYTES_MAX} bytes`)
    bytes = await readFile(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`cannot read ${file}, of ${what}: ${(code !== undefined && REASONS[code]) || message}`)
  }
  return naming(file, what, () => parse(bytes))
}

/** Without the cause: what libraries say of a key file is not for logs. */
function naming<T>(file: string, what: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const reason = error instanceof StoreFault ? error.message : 'it is damaged'
    throw new Error(`cannot use ${file}, of ${what}: ${reason}`)
  }
}

function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new StoreFault('it is no text: is it of another type?')
}

/** Lists of a file as PEM; one that TLS cannot use is a fault. */
function crlsOf(bytes: Buffer): string[] {
  const isText = bytes.includes('-----BEGIN ')
  const lists = isText
    ? pemBlocks(textOf(bytes))
        .filter(({ label }) => label === 'X509 CRL')
        .map(({ text }) => text)
    : [crlPem(bytes)]
  if (lists.length === 0) throw new StoreFault('it holds no revocation list')
  for (const crl of lists) {
    try {
      createSecureContext({ crl })
    } catch {
      throw new StoreFault('it is no revocation list')
    }
  }
  return lists
}

function crlPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`
}

function check({ options }: { readonly options?: Options }): Finding[] {
  const findings: Finding[] = []
  const report = (code: string, path: (string | number)[], message: string): void => {
    findings.push({ level: 'error', code, path: ['options', ...path], message })
  }
  if (options?.revocation === 'crl' && options.crl === undefined)
    report('crl-missing', ['revocation'], 'there are no lists to look into: name their files in `crl`')
  for (const name of ['keys', 'trust', 'signers'] as const) {
    const store = options?.[name]
    if (store !== undefined && store.type === 'pkcs12' && typeof store.store !== 'string')
      report('store-list', [name, 'store'], 'a list of files is for `type: pem` only')
  }
  if (options?.crl !== undefined && options.revocation !== 'crl')
    findings.push({
      level: 'warning',
      code: 'crl-unused',
      path: ['options', 'crl'],
      message: 'nothing looks into these lists without `revocation: crl`',
    })
  return findings
}

export const filesystemVault: VaultModule<Options> = {
  type: 'filesystem',
  schema,
  check,
  attach: (context) => new FilesystemVault(context),
}
