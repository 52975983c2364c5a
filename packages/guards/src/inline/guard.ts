/** The `inline` guard: one name and one secret of the document, to be shown to others or asked of them. */
import {
  type Credentials,
  type Finding,
  type Guard,
  type GuardContext,
  type GuardModule,
  qualify,
  type Session,
} from '@zilla-ts/engine'
import { Outcome } from '../outcome.ts'
import { sameText } from '../same-text.ts'
import { Format } from './format.ts'
import { type InlineConfig, schema } from './inline.config.ts'

type Options = NonNullable<InlineConfig['options']>

class InlineGuard implements Guard {
  readonly #context: GuardContext<Options>
  readonly #outcome: Outcome
  readonly #format: Format | null

  constructor(context: GuardContext<Options>) {
    this.#context = context
    this.#outcome = new Outcome(context.report)
    const { format } = context.options
    this.#format = format === undefined ? null : new Format(format)
  }

  async authorize(shown: Credentials, earlier: Session | null): Promise<Session | null> {
    const { namespace, name, options } = this.#context
    if (options.credentials === undefined)
      return this.#outcome.refused('the guard has no `credentials` to compare with')
    const parts = this.#format === null ? shown : this.#format.split(shown.credentials)
    if (parts === null) return this.#outcome.refused('what was shown is not as `format` says')
    const who = parts.identity ?? shown.identity
    const sameSecret = sameText(parts.credentials, options.credentials)
    const sameName = options.identity === undefined || who === null || sameText(who, options.identity)
    if (!sameSecret || !sameName) return this.#outcome.refused('another name or secret was shown')
    this.#outcome.accepted()
    // A name that was shown is no proof: everybody has the same secret.
    const identity = options.identity ?? name
    return { guard: qualify(namespace, name), earlier, identity, roles: [], attributes: {}, expiresAt: null }
  }

  /** There are no roles, so that only routes that ask for none are open. */
  permits(_session: Session, roles: readonly string[]): boolean {
    return roles.length === 0
  }

  credentials(): Credentials | null {
    const { credentials, identity = null } = this.#context.options
    return credentials === undefined ? null : { credentials, identity }
  }
}

function check({ options = {} }: { readonly options?: Options }): Finding[] {
  const findings: Finding[] = []
  if (options.format !== undefined) {
    try {
      new Format(options.format)
    } catch (error) {
      const { message } = error as Error
      findings.push({ level: 'error', path: ['options', 'format'], code: 'format-invalid', message })
    }
  }
  if (options.credentials === undefined) {
    const message = 'without `credentials` the guard has nothing to show and lets nobody in'
    findings.push({ level: 'warning', path: ['options'], code: 'no-credentials', message })
  }
  return findings
}

export const inline: GuardModule<Options> = {
  type: 'inline',
  schema,
  check,
  offline: () => true,
  roles: () => new Set(),
  attach: (context) => new InlineGuard(context),
}
