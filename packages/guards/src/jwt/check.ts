/** What is wrong with the options of a `jwt` guard that a schema cannot say: keys, and the address of keys. */
import type { Finding } from '@zilla-ts/engine'
import type { JwtConfig, JwtKey } from './jwt.config.ts'
import { KeyFault, readKey } from './key.ts'
import { keySetAddress } from './key-set-address.ts'

type Options = NonNullable<JwtConfig['options']>

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

export function check({ options }: { readonly options?: Options }): Finding[] {
  if (options === undefined) return []
  return Array.isArray(options.keys) ? checkKeys(options.keys) : checkAddress(options)
}

function checkKeys(keys: readonly JwtKey[]): Finding[] {
  const findings: Finding[] = []
  const known = new Set<string>()
  let usable = 0
  keys.forEach((key, at) => {
    const path = ['options', 'keys', at]
    if (known.has(key.kid)) {
      const message = `there is another key of the name \`${key.kid}\``
      findings.push({ level: 'error', path: [...path, 'kid'], code: 'duplicate-kid', message })
    }
    known.add(key.kid)
    const finding = checkKey(key, path)
    if (finding === null || finding.code === 'key-algorithm-missing') usable++
    if (finding !== null) findings.push(finding)
  })
  if (usable === 0 && findings.every(({ level }) => level === 'warning')) {
    const message = 'no key verifies signatures, so every token would be refused'
    findings.push({ level: 'error', path: ['options', 'keys'], code: 'no-usable-key', message })
  }
  return findings
}

function checkKey(key: JwtKey, path: readonly (string | number)[]): Finding | null {
  try {
    const { algorithms } = readKey(key)
    if (key.alg !== undefined) return null
    const message = `the key names no \`alg\`: tokens must be signed with ${algorithms.join(' or ')}`
    return { level: 'warning', path, code: 'key-algorithm-missing', message }
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error
    const { code, member, message } = error
    const level = code === 'key-not-for-signatures' ? 'warning' : 'error'
    // a member that is missing has no place of its own
    const at = member === null || !Object.hasOwn(key, member) ? path : [...path, member]
    return { level, path: at, code, message }
  }
}

function checkAddress(options: Options): Finding[] {
  const path = ['options', typeof options.keys === 'string' ? 'keys' : 'issuer']
  let address: URL
  try {
    address = new URL(keySetAddress(options))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ERR_INVALID_URL' ? 'it is no address' : message
    const without = 'without `keys`, the keys are read from below the issuer, '
    const text = typeof options.keys === 'string' ? `no keys can be read there: ${reason}` : `${without}but ${reason}`
    return [{ level: 'error', path, code: 'keys-address-invalid', message: text }]
  }
  if (address.protocol === 'https:' || LOOPBACK.test(address.hostname)) return []
  const message = 'the keys are not read over TLS: whoever is on the way can replace them'
  return [{ level: 'warning', path, code: 'keys-not-over-tls', message }]
}
