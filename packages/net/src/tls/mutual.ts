/** Whether clients of a server are asked for certificates; used by the server and by the rules for documents. */
import type { TlsConfig } from './tls.config.ts'

export type Mutual = 'required' | 'requested' | 'none'

type When = NonNullable<TlsConfig['when']>

/** A condition that only a client with a certificate can meet. */
export const needsCertificate = ({ trust, mutual }: When): boolean => trust !== undefined || mutual === 'required'

export function mutualOf(
  { mutual, trust, trustcacerts }: TlsConfig['options'],
  whens: readonly (readonly When[])[],
): Mutual {
  if (mutual !== undefined) return mutual
  if (trust !== undefined || trustcacerts === true) return 'required'
  return whens.flat().some(needsCertificate) ? 'requested' : 'none'
}

export const asksForCertificate = (mutual: Mutual): boolean => mutual !== 'none'
