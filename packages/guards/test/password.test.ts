/** The password guard on real files, and the file as `zilla-ts password` writes it. */
import { scryptSync } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { password, setPassword } from '../src/index.ts'
import { parseHash, verifyPassword } from '../src/password/hash.ts'
import { parseUsers } from '../src/password/password-file.ts'
import { attach, findings, type GuardUnderTest, reasons } from './guard-harness.ts'

/** A hash that costs little, made without the code under test. */
function cheap(secret: string, r = 1): string {
  const salt = Buffer.alloc(16, secret)
  const hash = scryptSync(secret, salt, 32, { N: 1024, r, p: 1 })
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toString('base64').replaceAll('=', ''))
  return `$scrypt$ln=10,r=${r},p=1$${saltText}$${hashText}`
}

const ALICE = `alice:${cheap('wonder')}:mqtt:stream,admin`
const BOB = `bob:${cheap('builder')}`

let directory: string
let file: string
let under: GuardUnderTest

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'zilla-password-'))
  file = join(directory, 'passwords')
})

afterEach(async () => {
  await under?.guard.stop?.()
  rmSync(directory, { recursive: true, force: true })
})

async function start(...lines: string[]): Promise<void> {
  writeFileSync(file, lines.join('\n'))
  under = attach(password, { file: 'passwords' }, directory)
  await under.guard.start?.()
}

const show = (identity: string | null, credentials: string) => under.guard.authorize({ identity, credentials }, null)

const events = (name: string) => under.report.events.filter(({ event }) => event === name)

describe('lets in', () => {
  test('who shows the password of the line, with its roles', async () => {
    await start('# users', '', ALICE, BOB, '')
    const session = await show('alice', 'wonder')
    expect(session).toEqual({
      guard: 'test:g',
      earlier: null,
      identity: 'alice',
      roles: ['mqtt:stream', 'admin'],
      attributes: {},
      expiresAt: null,
      revoked: false,
    })
    const permits = (...roles: string[]): boolean => under.guard.permits(session!, roles)
    expect([permits('mqtt:stream'), permits('mqtt:stream', 'admin'), permits('mqtt'), permits()]).toEqual([
      true,
      true,
      false,
      true,
    ])
    expect((await show('bob', 'builder'))?.roles).toEqual([])
  })

  test.each([
    ['alice', 'builder'],
    ['alice', ''],
    ['alice', 'wonder '],
    ['alice', 'Wonder'],
    ['Alice', 'wonder'],
    ['', 'wonder'],
    ['carol', 'wonder'],
    ['# users', ''],
    ['__proto__', 'wonder'],
    ['alice', cheap('wonder')],
    [null, 'wonder'],
    ['alice', 'x'.repeat(4_097)],
  ])('nobody else: %j %j', async (identity, credentials) => {
    await start('# users', ALICE, BOB)
    expect(await show(identity, credentials)).toBeNull()
    expect(reasons(under)).toHaveLength(1)
    expect(under.report.faults).toEqual([])
  })

  test('nobody when there are no users', async () => {
    await start('')
    expect(await show('alice', 'wonder')).toBeNull()
  })

  test('with the session before it', async () => {
    await start(ALICE)
    const earlier = (await show('alice', 'wonder'))!
    const again = await under.guard.authorize({ identity: 'alice', credentials: 'wonder' }, earlier)
    expect(again?.earlier).toBe(earlier)
  })

  test('who is refused learns nothing, and the log nothing that was shown', async () => {
    await start(ALICE)
    for (const name of ['alice', 'carol']) expect(await show(name, 'hunter2')).toBeNull()
    expect(reasons(under)).toEqual(Array(2).fill('the user name or the password is wrong'))
    expect(JSON.stringify(under.report.events)).not.toMatch(/hunter2|scrypt|alice/)
  })
})

describe('work', () => {
  test('unknown names cost a hash as known ones do; a password that was right is known again', async () => {
    await start(ALICE)
    const hash = vi.spyOn(await import('../src/password/hashing.ts').then((m) => m.Hashing.prototype), 'verify')
    await show('carol', 'x')
    await show('alice', 'x')
    await show('alice', 'x')
    await show('alice', 'wonder')
    expect(hash.mock.calls.map(([secret, { ln, r, p }]) => [secret, ln, r, p])).toEqual(
      ['x', 'x', 'x', 'wonder'].map((secret) => [secret, 10, 1, 1]),
    )
    await show('alice', 'wonder')
    expect(hash).toHaveBeenCalledTimes(4)
    hash.mockRestore()
  })

  test('a storm is done two at a time; a thousand wait, those after them are told so', async () => {
    await start(...Array.from({ length: 4 }, (_, at) => `u${at}:${cheap(`p${at}`)}`))
    const all = Array.from({ length: 1_010 }, (_, at) =>
      show(`u${at % 4}`, `p${at % 4}`).then(
        (session) => session!.identity,
        (error) => error.code,
      ),
    )
    const results = await Promise.all(all)
    expect(results.filter((result) => result === 'unavailable')).toHaveLength(8)
    expect(results.slice(0, 1_002)).toEqual(Array.from({ length: 1_002 }, (_, at) => `u${at % 4}`))
  })

  test('who has waited for 10 s is told that it cannot be said now', async () => {
    await start(ALICE)
    const code = (error: { code: string }) => error.code
    const all = ['a', 'b', 'c', 'd'].map((secret) => show('alice', secret).catch(code))
    await Promise.resolve()
    under.clock.advance(10_000)
    expect(await Promise.all(all)).toEqual([null, null, 'unavailable', 'unavailable'])
    expect((await show('alice', 'wonder'))?.identity).toBe('alice')
  })
})

describe('the file', () => {
  test('is read again when it changes: users, passwords and roles count at once', async () => {
    await start(ALICE, BOB)
    expect(await show('alice', 'wonder')).not.toBeNull()
    writeFileSync(file, [`alice:${cheap('glass')}:reader`, `carol:${cheap('singer')}`, ''].join('\r\n'))
    under.clock.advance(5_000)
    await vi.waitFor(() => expect(events('PASSWORD_FILE_READ')).toHaveLength(2))
    expect(await show('alice', 'wonder')).toBeNull()
    expect((await show('alice', 'glass'))?.roles).toEqual(['reader'])
    expect(await show('bob', 'builder')).toBeNull()
    expect(await show('carol', 'singer')).not.toBeNull()
  })

  test('revokes sessions of users whose line is gone or another, and no others', async () => {
    const carol = `carol:${cheap('singer')}:reader`
    const dora = `dora:${cheap('writer')}`
    await start(ALICE, BOB, carol, dora)
    const shown = [await show('alice', 'wonder'), await show('bob', 'builder'), await show('carol', 'singer')]
    shown.push(await show('dora', 'writer'))
    const revoked = (): unknown[] => shown.map((session) => session?.revoked)
    expect(revoked()).toEqual([false, false, false, false])
    // the same, gone, another role, another password
    writeFileSync(file, ['# new', ALICE, `carol:${cheap('singer')}:writer`, `dora:${cheap('poet')}`].join('\n'))
    under.clock.advance(5_000)
    await vi.waitFor(() => expect(events('PASSWORD_FILE_READ')).toHaveLength(2))
    expect(revoked()).toEqual([false, true, true, true])
  })

  test('is left alone while it has a fault, which is said once', async () => {
    await start(ALICE)
    writeFileSync(file, 'alice:hunter2')
    for (let looks = 0; looks < 3; looks++) {
      under.clock.advance(5_000)
      await vi.waitFor(() => expect(under.clock.pending).toBe(1))
    }
    expect(events('PASSWORD_FILE_UNUSABLE').map(({ message }) => message)).toEqual([
      `${file}, line 1: the hash is not of the form $scrypt$ln=…,r=…,p=…$salt$hash; the users read before count`,
    ])
    expect(await show('alice', 'wonder')).not.toBeNull()
    writeFileSync(file, BOB)
    under.clock.advance(5_000)
    await vi.waitFor(() => expect(events('PASSWORD_FILE_READ')).toHaveLength(2))
    expect(await show('alice', 'wonder')).toBeNull()
  })

  test('may go away and come back', async () => {
    await start(ALICE)
    renameSync(file, `${file}.away`)
    for (let looks = 0; looks < 3; looks++) {
      under.clock.advance(5_000)
      await vi.waitFor(() => expect(under.clock.pending).toBe(1))
    }
    expect(events('PASSWORD_FILE_UNUSABLE').map(({ message }) => message)).toEqual([
      `cannot read ${file}: there is no such file; zilla-ts password makes it; the users read before count`,
    ])
    expect(await show('alice', 'wonder')).not.toBeNull()
    renameSync(`${file}.away`, file)
    under.clock.advance(5_000)
    await vi.waitFor(() => expect(events('PASSWORD_FILE_READ')).toHaveLength(2))
  })

  test('is not looked at any more after the end', async () => {
    await start(ALICE)
    await under.guard.stop?.()
    expect(under.clock.pending).toBe(0)
  })

  test.each<[string, () => void, string]>([
    ['is not there', () => {}, 'there is no such file; zilla-ts password makes it'],
    ['is a folder', () => mkdirSync(file), 'it is a folder'],
  ])('that %s ends the start', async (_what, make, reason) => {
    make()
    under = attach(password, { file }, '/nowhere')
    await expect(under.guard.start?.()).rejects.toThrow(`cannot read ${file}: ${reason}`)
  })

  test('that is too large or no text ends the start', async () => {
    writeFileSync(file, Buffer.from([0xff]))
    await expect(attach(password, { file }).guard.start?.()).rejects.toThrow(`${file} is not UTF-8 text`)
    truncateSync(file, 16_777_217)
    await expect(attach(password, { file }).guard.start?.()).rejects.toThrow(`${file} has more than 16777216 bytes`)
  })

  test.each([
    ['alice', 'it is not name:hash or name:hash:roles'],
    [`:${cheap('x')}`, 'the name is empty'],
    [`a\tb:${cheap('x')}`, 'a name may have no colon and no control characters, and must not begin with #'],
    [`${BOB}\n${BOB}`, 'this user has a line before'],
    [`${BOB}:a b`, 'roles are separated by commas, without blanks'],
    [`${BOB}:a,,b`, 'roles are separated by commas, without blanks'],
    ['bob:hunter2', 'the hash is not of the form $scrypt$ln=…,r=…,p=…$salt$hash'],
    ['bob:$2y$05$abcdefghijklmnopqrstuv', 'the hash is not of the form $scrypt$ln=…,r=…,p=…$salt$hash'],
    [`bob:${cheap('x').replace('ln=10', 'ln=9')}`, 'the hash is too easy to guess: ln must be at least 10, r and p 1'],
    [`bob:${cheap('x').replace('r=1', 'r=0')}`, 'the hash is too easy to guess: ln must be at least 10, r and p 1'],
    [`bob:${cheap('x').replace('ln=10', 'ln=20')}`, 'the hash costs too much: 64 MiB are the most, and 2^21 rounds'],
    [`bob:${cheap('x').replace('ln=10', 'ln=99')}`, 'the hash costs too much: 64 MiB are the most, and 2^21 rounds'],
    [
      `bob:${cheap('x').replace('ln=10,r=1,p=1', 'ln=14,r=2,p=99')}`,
      'the hash costs too much: 64 MiB are the most, and 2^21 rounds',
    ],
    [`bob:${cheap('x').replace(/\$[^$]*$/, '$AAAA')}`, 'the hash is not of the form $scrypt$ln=…,r=…,p=…$salt$hash'],
  ])('%j: %s', (text, reason) => {
    const lines = text.split('\n').length
    expect(() => parseUsers(text, 'passwords')).toThrow(`passwords, line ${lines}: ${reason}`)
  })
})

test('hashes of passlib fit', async () => {
  const known = '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'
  expect(await verifyPassword('password', parseHash(known))).toBe(true)
  expect(await verifyPassword('passwore', parseHash(known))).toBe(false)
})

describe('setPassword', () => {
  test('makes the file, for its owner only, with what lets the user in', async () => {
    expect(await setPassword(file, { name: 'dave', password: 'grohl', roles: ['a', 'mqtt:stream'] })).toBe('added')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toMatch(/^dave:\$scrypt\$ln=14,r=8,p=5\$.{22}\$.{43}:a,mqtt:stream\n$/)
    under = attach(password, { file })
    await under.guard.start?.()
    expect((await show('dave', 'grohl'))?.roles).toEqual(['a', 'mqtt:stream'])
    expect(await show('dave', 'grohI')).toBeNull()
  })

  test('replaces one line and keeps the others, the roles and the mode of the file', async () => {
    writeFileSync(file, `# users\n${ALICE}\n\n${BOB}`)
    chmodSync(file, 0o640)
    expect(await setPassword(file, { name: 'alice', password: 'glass' })).toBe('changed')
    expect(await setPassword(file, { name: 'bo', password: 'x', roles: [] })).toBe('added')
    const lines = readFileSync(file, 'utf8').split('\n')
    expect(lines).toHaveLength(6)
    expect([lines[0], lines[2], lines[3]]).toEqual(['# users', '', BOB])
    expect(lines[1]).toMatch(/^alice:.*:mqtt:stream,admin$/)
    expect(lines[4]).toMatch(/^bo:[^:]*$/)
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(readdirSync(directory)).toEqual(['passwords'])
  })

  test('follows a link to the file', async () => {
    const link = join(directory, 'link')
    writeFileSync(file, '')
    symlinkSync(file, link)
    await setPassword(link, { name: 'dave', password: 'grohl' })
    expect(readFileSync(file, 'utf8')).toMatch(/^dave:/)
  })

  test.each([
    [{ name: 'a:b', password: 'x' }, 'a name may have no colon'],
    [{ name: '#a', password: 'x' }, 'a name may have no colon'],
    [{ name: '', password: 'x' }, 'the name is empty'],
    [{ name: 'a', password: '' }, 'the password is empty'],
    [{ name: 'a', password: 'x'.repeat(4_097) }, 'the password has more than 4096 bytes'],
    [{ name: 'a', password: 'x', roles: ['a b'] }, 'roles are separated by commas'],
    [{ name: 'a', password: 'x', roles: ['a,b'] }, 'roles are separated by commas'],
  ])('%j: %s', async (user, reason) => {
    await expect(setPassword(file, user)).rejects.toThrow(reason)
    expect(readdirSync(directory)).toEqual([])
  })

  test('leaves a file alone that has a fault', async () => {
    writeFileSync(file, 'not a line')
    await expect(setPassword(file, { name: 'a', password: 'x' })).rejects.toThrow(
      `${file}, line 1: it is not name:hash`,
    )
    expect(readFileSync(file, 'utf8')).toBe('not a line')
  })
})

test('validate wants a file', () => {
  expect(findings(password, { file: 'passwords' })).toEqual([])
  expect(findings(password, {})).toEqual(['error missing-property options'])
})
