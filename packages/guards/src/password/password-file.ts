/**
 * The file of users: one `name:hash` or `name:hash:role,role` a line. Empty lines and those that begin with `#` are
 * comments. Errors name the line and hold nothing of it.
 */
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { formatHash, hashPassword, type PasswordHash, parseHash } from './hash.ts'

export interface User {
  readonly hash: PasswordHash
  readonly roles: readonly string[]
}

const FILE_BYTES_MAX = 16_777_216
/** More is no password, and is not looked at. */
export const PASSWORD_BYTES_MAX = 4_096

export async function readUsers(file: string): Promise<ReadonlyMap<string, User>> {
  return parseUsers(await readText(file), file)
}

export function parseUsers(text: string, file: string): ReadonlyMap<string, User> {
  const users = new Map<string, User>()
  text.split('\n').forEach((line, at) => {
    try {
      const entry = parseLine(line)
      if (entry === null) return
      if (users.has(entry.name)) throw new Error('this user has a line before')
      users.set(entry.name, entry.user)
    } catch (error) {
      throw new Error(`${file}, line ${at + 1}: ${(error as Error).message}`)
    }
  })
  return users
}

/**
 * Writes or replaces the line of a user; other lines stay as they are. The file is replaced as a whole, so that nobody
 * reads half of it, and is readable by its owner only when it is new. `roles` absent: those it had.
 */
export async function setPassword(
  file: string,
  { name, password, roles }: { readonly name: string; readonly password: string; readonly roles?: readonly string[] },
): Promise<'added' | 'changed'> {
  checkName(name)
  for (const role of roles ?? []) checkRole(role)
  if (password === '') throw new Error('the password is empty')
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) {
    throw new Error(`the password has more than ${PASSWORD_BYTES_MAX} bytes`)
  }
  const target = await realpath(file).catch(() => file)
  const known = await stat(target).catch(() => null)
  const text = known === null ? '' : await readText(target).catch(restating(`cannot read ${file}`))
  const former = parseUsers(text, file).get(name)
  const fields = [name, formatHash(await hashPassword(password))]
  const kept = roles ?? former?.roles ?? []
  if (kept.length > 0) fields.push(kept.join())
  const mode = known === null ? 0o600 : known.mode & 0o777
  await replace(target, withLine(text, name, fields.join(':')), mode).catch(restating(`cannot write ${file}`))
  return former === undefined ? 'added' : 'changed'
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  EACCES: 'access is denied',
  EISDIR: 'it is a folder',
}

/** What the system says, in words. */
const restating =
  (what: string) =>
  (error: NodeJS.ErrnoException): never => {
    if (error.code === undefined) throw error
    throw new Error(`${what}: ${REASONS[error.code] ?? error.message}`, { cause: error })
  }

function withLine(text: string, name: string, line: string): string {
  const lines = text.split('\n')
  const at = lines.findIndex((each) => each.startsWith(`${name}:`))
  if (at >= 0) return lines.with(at, line).join('\n')
  return text === '' || text.endsWith('\n') ? `${text}${line}\n` : `${text}\n${line}\n`
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(temporary, text, { mode, flag: 'wx' })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function readText(file: string): Promise<string> {
  const bytes = (await stat(file)).size > FILE_BYTES_MAX ? null : await readFile(file)
  if (bytes === null) throw new Error(`${file} has more than ${FILE_BYTES_MAX} bytes`)
  if (!isUtf8(bytes)) throw new Error(`${file} is not UTF-8 text`)
  return bytes.toString()
}

function parseLine(written: string): { name: string; user: User } | null {
  const line = written.replace(/\r$/, '')
  if (line.trim() === '' || line.startsWith('#')) return null
  // Neither names nor hashes have a colon in them; roles, such as mqtt:stream, may.
  const [, name, hash, roles] = /^([^:]*):([^:]*)(?::(.*))?$/.exec(line) ?? []
  if (name === undefined || hash === undefined) throw new Error('it is not name:hash or name:hash:roles')
  checkName(name)
  const list = roles === undefined || roles === '' ? [] : roles.split(',')
  for (const role of list) checkRole(role)
  return { name, user: { hash: parseHash(hash), roles: list } }
}

function checkName(name: string): void {
  if (name === '') throw new Error('the name is empty')
  if (/[:\p{Cc}]/u.test(name) || name.startsWith('#')) {
    throw new Error('a name may have no colon and no control characters, and must not begin with #')
  }
}

function checkRole(role: string): void {
  if (!/^[^\s,]+$/.test(role)) throw new Error('roles are separated by commas, without blanks')
}
