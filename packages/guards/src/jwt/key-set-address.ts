/** Where the key set of an issuer is. */
import type { JwtConfig } from './jwt.config.ts'

type Options = NonNullable<JwtConfig['options']>

/** Only for options whose `keys` are not a list. Throws when there is no address. */
export function keySetAddress({ issuer, keys }: Pick<Options, 'issuer' | 'keys'>): string {
  const address = typeof keys === 'string' ? keys : `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`
  const { protocol, username, password, href } = new URL(address)
  if (protocol !== 'https:' && protocol !== 'http:') throw new Error('it is no http or https address')
  if (username !== '' || password !== '') throw new Error('user names and passwords in addresses are not taken')
  return href
}
