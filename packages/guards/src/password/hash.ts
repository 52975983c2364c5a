/**
 * Hashes of passwords: scrypt (RFC 7914) with its parameters beside it, `$scrypt$ln=14,r=8,p=5$salt$hash` with base64
 * without padding, the form that passlib and others write as well.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

export interface PasswordHash {
  /** log2 of N */
  readonly ln: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly hash: Buffer
}

/** What OWASP asks for, in the variant with 16 MiB: many may be at it at the same time. */
const PARAMETERS = { ln: 14, r: 8, p: 5 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Bounds on what a file can ask of this process. */
const MEMORY_BYTES_MAX = 67_108_864
const ROUNDS_MAX = 2 ** 21

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{22,88})$/

/** Throws an error that says what is wrong, without the text. */
export function parseHash(text: string): PasswordHash {
  const [, lnText, rText, pText, salt = '', hash = ''] = FORM.exec(text) ?? []
  if (lnText === undefined) throw new Error('the hash is not of the form $scrypt$ln=…,r=…,p=…$salt$hash')
  const [ln, r, p] = [Number(lnText), Number(rText), Number(pText)]
  if (ln < 10 || r < 1 || p < 1) throw new Error('the hash is too easy to guess: ln must be at least 10, r and p 1')
  if (memoryOf({ ln, r }) > MEMORY_BYTES_MAX || 2 ** ln * r * p > ROUNDS_MAX) {
    throw new Error('the hash costs too much: 64 MiB are the most, and 2^21 rounds')
  }
  return { ln, r, p, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

export function formatHash({ ln, r, p, salt, hash }: PasswordHash): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''))
  return `$scrypt$ln=${ln},r=${r},p=${p}$${saltText}$${hashText}`
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES)
  return { ...PARAMETERS, salt, hash: await derive(password, { ...PARAMETERS, salt }, HASH_BYTES) }
}

/** Takes about 0.2 s of a thread and `memoryOf` bytes, whether it fits or not. */
export async function verifyPassword(password: string, known: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, known, known.hash.length), known.hash)
}

/** A hash that no password fits and that costs as much as `like`. */
export function decoyHash(like: PasswordHash | undefined): PasswordHash {
  const { ln, r, p } = like ?? PARAMETERS
  return { ln, r, p, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) }
}

const memoryOf = ({ ln, r }: Pick<PasswordHash, 'ln' | 'r'>): number => 128 * 2 ** ln * r

function derive(password: string, parameters: Omit<PasswordHash, 'hash'>, bytes: number): Promise<Buffer> {
  const { ln, r, p, salt } = parameters
  const options = { N: 2 ** ln, r, p, maxmem: memoryOf(parameters) + 128 * r * p + 1_048_576 }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
