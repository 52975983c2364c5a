/** The `tls` binding: its kinds, its schema, and what the schema cannot say. */
import { isIP } from 'node:net'
import type { BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'
import { portRanges } from '../tcp/ports.ts'
import { TlsClient } from './client.ts'
import { mutualOf, needsCertificate } from './mutual.ts'
import { TlsProxy } from './proxy.ts'
import { TlsServer } from './server.ts'
import { schema, type TlsConfig } from './tls.config.ts'

type Entry = BindingEntry<TlsConfig>
type Report = (code: string, path: readonly (string | number)[], message: string, level?: Finding['level']) => void

function check(entry: Entry): Finding[] {
  const findings: Finding[] = []
  const report: Report = (code, path, message, level = 'error') => findings.push({ level, path, code, message })
  checkPorts(entry, report)
  if (entry.options?.keys !== undefined && entry.options.signers !== undefined)
    report('keys-and-signers', ['options', 'signers'], '`keys` names the keys already: remove one of the two')
  if (entry.kind === 'server') checkServer(entry, report)
  if (entry.kind === 'client') checkClient(entry, report)
  return findings
}

function checkPorts(entry: Entry, report: Report): void {
  eachWhen(entry, ({ port }, path) => {
    try {
      portRanges(port ?? [])
    } catch (error) {
      report('port-invalid', [...path, 'port'], (error as Error).message)
    }
  })
}

function checkServer(entry: Entry, report: Report): void {
  const { options } = entry
  if (options === undefined) return
  const whens = entry.routes?.map(({ when }) => when ?? []) ?? []
  const mutual = mutualOf(options, whens)
  if (options.authorization !== undefined && mutual === 'none')
    report(
      'authorization-without-certificates',
      ['options', 'authorization'],
      'clients are not asked for certificates: set `mutual` or `trust`',
    )
  if (mutual === 'none' && options.trust !== undefined)
    report(
      'trust-not-asked',
      ['options', 'trust'],
      'clients are not asked for certificates, so that nothing is trusted',
      'warning',
    )
  eachWhen(entry, (when, path) => {
    if (when.mutual === 'none' && when.trust !== undefined)
      report('condition-impossible', [...path, 'trust'], '`mutual: none` is for clients without a certificate')
    else if (mutual === 'none' && needsCertificate(when))
      report('condition-impossible', path, 'clients are not asked for certificates: `mutual` of the options is `none`')
    else if (mutual === 'required' && when.mutual === 'none')
      report(
        'condition-impossible',
        [...path, 'mutual'],
        'every client has a certificate: `mutual` of the options is `required`',
      )
  })
}

function checkClient({ options, vault, routes }: Entry, report: Report): void {
  if (options === undefined) return
  for (const name of ['keys', 'signers', 'trust'] as const) {
    if (vault === undefined && options[name] !== undefined)
      report('vault-missing', ['options', name], `there is no \`vault\` that these \`${name}\` could be in`)
  }
  const chooses = routes?.some(({ with: other }) => other?.certificate !== undefined) === true
  if (chooses && options.keys === undefined && options.signers === undefined)
    report('keys-missing', ['options'], 'routes choose among `keys`, and there are none')
  if (!chooses && (options.keys?.length ?? 0) > 1)
    report(
      'keys-several',
      ['options', 'keys'],
      'a client shows one certificate: name one key, or choose by `with` of routes',
    )
  const [name = '', ...more] = options.sni ?? []
  if (more.length > 0) report('sni-several', ['options', 'sni'], 'a client asks for one name')
  else if (name.includes('*') || isIP(name) !== 0)
    report('sni-invalid', ['options', 'sni', 0], 'a client asks for a whole host name, and never for an address')
}

function eachWhen(
  { routes }: Entry,
  visit: (when: NonNullable<TlsConfig['when']>, path: (string | number)[]) => void,
): void {
  routes?.forEach((route, at) => {
    route.when?.forEach((when, item) => {
      visit(when, ['routes', at, 'when', item])
    })
  })
}

export const tls: BindingModule<TlsConfig, Bytes, Bytes> = {
  type: 'tls',
  kinds: {
    server: { accepts: 'bytes', produces: 'bytes' },
    client: { accepts: 'bytes', produces: 'bytes' },
    proxy: { accepts: 'bytes', produces: 'bytes' },
  },
  schema,
  check,
  attach(context) {
    if (context.kind === 'server') return new TlsServer(context)
    return context.kind === 'client' ? new TlsClient(context) : new TlsProxy(context)
  },
}
