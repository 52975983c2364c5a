/** A guard as `inline` is: it shows what it is told to, and counts how often. */
import type { Credentials, Guard } from '@zilla-ts/engine'

export class SaslGuard implements Guard {
  shown: Credentials | null
  /** so many times credentials were asked for */
  asked = 0
  #until: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(identity: string | null, credentials: string) {
    this.shown = { identity, credentials }
  }

  async authorize(): Promise<null> {
    return null
  }

  permits(): boolean {
    return false
  }

  credentials(): Credentials | null {
    this.asked++
    for (const { count, resolve } of this.#until) if (this.asked >= count) resolve()
    return this.shown
  }

  /** Resolves once credentials were asked for so many more times. */
  more(count: number): Promise<void> {
    return new Promise((resolve) => this.#until.push({ count: this.asked + count, resolve }))
  }
}

/** A token as Kafka's unsecured validator takes it: no signature, valid for an hour. */
export function unsecuredToken(subject: string, seconds = 3600): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now, exp: now + seconds })}.`
}
