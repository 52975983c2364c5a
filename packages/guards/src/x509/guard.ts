/** The `x509` guard: who the bearer of a certificate is that TLS has verified before. */
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
import { type Certificate, readCertificate } from './certificate.ts'
import { attributeType } from './distinguished-name.ts'
import { matchesWildcard } from './wildcard.ts'
import { schema, type X509Config } from './x509.config.ts'

type Options = NonNullable<X509Config['options']>

class X509Guard implements Guard {
  readonly #context: GuardContext<Options>
  readonly #outcome: Outcome

  constructor(context: GuardContext<Options>) {
    this.#context = context
    this.#outcome = new Outcome(context.report)
  }

  async authorize({ credentials }: Credentials, earlier: Session | null): Promise<Session | null> {
    const { namespace, name, options, clock } = this.#context
    let certificate: Certificate
    try {
      certificate = readCertificate(credentials)
    } catch {
      return this.#outcome.refused('this is no certificate in PEM')
    }
    const now = clock.now()
    // RFC 5280 §4.1.2.5: the last second counts
    const expiresAt = certificate.notAfter + 1_000
    if (now < certificate.notBefore || now >= expiresAt)
      return this.#outcome.refused('the certificate is not valid now')
    const identity = certificate.values(options.identity)[0]
    if (identity === undefined || identity === '') {
      return this.#outcome.refused(`the certificate has no ${options.identity} that names its bearer`)
    }
    if (/\p{Cc}/u.test(identity)) return this.#outcome.refused('the name in the certificate has control characters')
    this.#outcome.accepted()
    const roles = rolesOf(certificate, options.roles)
    const attributes = attributesOf(certificate, options.attributes)
    return { guard: qualify(namespace, name), earlier, identity, roles, attributes, expiresAt }
  }

  permits(session: Session, roles: readonly string[]): boolean {
    return roles.every((role) => session.roles.includes(role))
  }
}

function rolesOf(certificate: Certificate, roles: Options['roles']): string[] {
  const fits = (item: Readonly<Record<string, string>>): boolean =>
    Object.entries(item).every(([field, pattern]) =>
      certificate.values(field).some((value) => matchesWildcard(pattern, value)),
    )
  return Object.entries(roles).flatMap(([role, items]) => (items.some(fits) ? [role] : []))
}

function attributesOf(certificate: Certificate, fields: Options['attributes']): Record<string, string> {
  const present = Object.entries(fields).flatMap(([name, field]) =>
    certificate
      .values(field)
      .slice(0, 1)
      .map((value) => [name, value] as const),
  )
  return Object.fromEntries(present)
}

function check({ options }: { readonly options?: Options }): Finding[] {
  if (options === undefined) return []
  const findings: Finding[] = []
  const known = (field: string, path: readonly (string | number)[]): void => {
    const [, attribute] = /^(?:subject|issuer)\.(.*)$/.exec(field) ?? []
    if (attribute === undefined || attribute.toLowerCase() === 'dn' || attributeType(attribute) !== null) return
    const message = `names have no attribute \`${attribute}\`: write its object identifier, such as subject.2.5.4.97`
    findings.push({ level: 'error', path: ['options', ...path], code: 'attribute-unknown', message })
  }
  known(options.identity, ['identity'])
  for (const [name, field] of Object.entries(options.attributes)) known(field, ['attributes', name])
  for (const [role, items] of Object.entries(options.roles)) {
    items.forEach((item, at) => {
      for (const field of Object.keys(item)) known(field, ['roles', role, at, field])
    })
  }
  return findings
}

export const x509: GuardModule<Options> = {
  type: 'x509',
  schema,
  // Who shows a certificate in a message has proved nothing: certificates are public.
  usedBy: ['tls'],
  check,
  offline: () => true,
  roles: ({ roles }) => new Set(Object.keys(roles)),
  attach: (context) => new X509Guard(context),
}
