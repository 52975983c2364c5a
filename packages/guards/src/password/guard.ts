/** The `password` guard: users, hashes of their passwords and their roles, from a file that is read again when it changes. */
import { createHmac, randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  type Credentials,
  type Guard,
  type GuardContext,
  type GuardModule,
  qualify,
  type Session,
  StreamError,
  type Task,
  type Timer,
} from '@zilla-ts/engine'
import { Outcome } from '../outcome.ts'
import { Recent } from '../recent.ts'
import { decoyHash } from './hash.ts'
import { Hashing } from './hashing.ts'
import { type PasswordConfig, schema } from './password.config.ts'
import { PASSWORD_BYTES_MAX, readUsers, type User } from './password-file.ts'

type Options = NonNullable<PasswordConfig['options']>

const POLL_MS = 5_000
/** Passwords that are known again without their hash. */
const KNOWN_MAX = 10_000

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; zilla-ts password makes it',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
}

class PasswordGuard implements Guard, Task {
  readonly #context: GuardContext<Options>
  readonly #file: string
  readonly #outcome: Outcome
  readonly #hashing: Hashing
  /** a user whose line is the same is the same object, whenever it was read */
  #users: ReadonlyMap<string, User> = new Map()
  #decoy = decoyHash(undefined)
  /** users by what they showed, under a key that this process alone has; an entry counts while the user is that of the file */
  readonly #known = new Recent<User>(KNOWN_MAX)
  readonly #secret = randomBytes(32)
  /** of the file as it was looked at last */
  #version = ''
  #timer: Timer | null = null
  #stopped = false

  constructor(context: GuardContext<Options>) {
    this.#context = context
    this.#file = resolve(context.directory, context.options.file)
    this.#outcome = new Outcome(context.report)
    this.#hashing = new Hashing(context.clock)
  }

  async start(): Promise<void> {
    this.#version = await this.#look()
    await this.#read()
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async authorize({ identity, credentials }: Credentials, earlier: Session | null): Promise<Session | null> {
    if (identity === null) return this.#outcome.refused('no user name was shown')
    if (Buffer.byteLength(credentials) > PASSWORD_BYTES_MAX) return this.#outcome.refused('the password is too long')
    const user = this.#users.get(identity)
    const key = createHmac('sha256', this.#secret)
      .update(JSON.stringify([identity, credentials]))
      .digest('base64')
    if (user === undefined || this.#known.get(key) !== user) {
      const fits = await this.#verify(credentials, user)
      // Whether it is the name or the password that is wrong, nobody is told.
      if (!fits || user === undefined) return this.#outcome.refused('the user name or the password is wrong')
      this.#known.set(key, user)
    }
    this.#outcome.accepted()
    const { namespace, name } = this.#context
    const isRevoked = (): boolean => this.#users.get(identity) !== user
    return {
      guard: qualify(namespace, name),
      earlier,
      identity,
      roles: user.roles,
      attributes: {},
      expiresAt: null,
      get revoked() {
        return isRevoked()
      },
    }
  }

  permits(session: Session, roles: readonly string[]): boolean {
    return roles.every((role) => session.roles.includes(role))
  }

  /** Time to look at the file. */
  run(): void {
    void this.#poll()
  }

  fault(_error: StreamError): void {
    this.#arm()
  }

  async #verify(password: string, user: User | undefined): Promise<boolean> {
    try {
      return await this.#hashing.verify(password, user?.hash ?? this.#decoy)
    } catch (error) {
      if (error instanceof StreamError) throw error
      this.#context.report.fault('password', error)
      throw new StreamError('unavailable', 'a password could not be checked')
    }
  }

  async #poll(): Promise<void> {
    const { report } = this.#context
    try {
      const version = await this.#look()
      if (version !== this.#version) {
        this.#version = version
        await this.#read()
      }
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      // What is wrong with it is said once, not at every look.
      if (this.#version !== code || code === '') {
        if (code !== '') this.#version = code
        report.event('error', 'PASSWORD_FILE_UNUSABLE', `${message}; the users read before count`, { file: this.#file })
      }
    }
    this.#arm()
  }

  async #look(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#file)
      return `${mtimeMs} ${size} ${ino}`
    } catch (error) {
      throw this.#restate(error)
    }
  }

  async #read(): Promise<void> {
    const { report } = this.#context
    try {
      const users = await readUsers(this.#file)
      this.#users = new Map([...users].map(([name, user]) => [name, this.#former(name, user)]))
    } catch (error) {
      throw this.#restate(error)
    }
    this.#decoy = decoyHash([...this.#users.values()][0]?.hash)
    report.event('info', 'PASSWORD_FILE_READ', 'the users are read', { file: this.#file, users: this.#users.size })
  }

  #former(name: string, user: User): User {
    const former = this.#users.get(name)
    return former !== undefined && isDeepStrictEqual(former, user) ? former : user
  }

  #restate(error: unknown): Error {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) return error as Error
    return Object.assign(new Error(`cannot read ${this.#file}: ${REASONS[code] ?? message}`, { cause: error }), {
      code,
    })
  }

  #arm(): void {
    if (!this.#stopped) this.#timer = this.#context.clock.after(POLL_MS, this)
  }
}

export const password: GuardModule<Options> = {
  type: 'password',
  schema,
  offline: () => true,
  attach: (context) => new PasswordGuard(context),
}
