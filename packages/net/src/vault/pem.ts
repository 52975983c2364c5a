/** Keys, certificates and revocation lists in PEM (RFC 7468), with names from the text around them. */
import { basename, extname } from 'node:path'
import {
  type NamedCertificate,
  type NamedKey,
  parseCertificate,
  parseKey,
  type StoreEntries,
  StoreFault,
} from './entries.ts'

interface Block {
  /** what stands behind BEGIN */
  readonly label: string
  readonly text: string
  /** what stands between the block before and this one */
  readonly above: string
}

const BEGIN = '-----BEGIN '
const DASHES = '-----'
const KEY_LABELS = new Set(['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'])
/** `openssl ecparam -genkey` writes it above the key, which names the curve itself */
const SURPLUS_LABELS = new Set(['EC PARAMETERS'])
/** `# name`, or what `openssl pkcs12` writes; the last one above a block counts */
const COMMENT = /^[ \t]*(?:#|friendlyName:)[ \t]*(\S.*?)[ \t]*\r?$/gm

export function pemBlocks(text: string): Block[] {
  const blocks: Block[] = []
  let end = 0
  for (;;) {
    const start = text.indexOf(BEGIN, end)
    if (start < 0) return blocks
    const close = text.indexOf(DASHES, start + BEGIN.length)
    const label = close < 0 ? '' : text.slice(start + BEGIN.length, close)
    const last = `-----END ${label}-----`
    const stop = close < 0 || label.includes('\n') ? -1 : text.indexOf(last, close)
    if (stop < 0) throw new StoreFault('a PEM block begins there and does not end')
    blocks.push({ label, text: `${text.slice(start, stop + last.length)}\n`, above: text.slice(end, start) })
    end = stop + last.length
  }
}

/** The entries of one file; `file` names those without a comment. */
export function readPem(text: string, file: string, password: string | undefined): StoreEntries {
  const keys: NamedKey[] = []
  const certificates: NamedCertificate[] = []
  const [keyNames, certificateNames] = [new Names(file), new Names(file)]
  for (const { label, text: pem, above } of pemBlocks(text)) {
    const comment = [...above.matchAll(COMMENT)].at(-1)?.[1]
    if (KEY_LABELS.has(label)) {
      const name = keyNames.next(comment)
      // A passphrase is ignored where the key is not encrypted.
      keys.push({ name, key: parseKey({ key: pem, format: 'pem', passphrase: password }, name) })
    } else if (label === 'CERTIFICATE') {
      const name = certificateNames.next(comment)
      certificates.push({ name, certificate: parseCertificate(pem, name) })
    } else if (!SURPLUS_LABELS.has(label)) {
      throw new StoreFault(`it holds a ${label}, neither a key nor a certificate`)
    }
  }
  if (keys.length + certificates.length === 0) throw new StoreFault('it holds no PEM block')
  return { keys, certificates }
}

class Names {
  readonly #base: string
  readonly #counts = new Map<string, number>()

  constructor(file: string) {
    this.#base = basename(file, extname(file))
  }

  next(comment: string | undefined): string {
    const name = comment ?? this.#base
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    return count === 1 ? name : `${name}-${count}`
  }
}
