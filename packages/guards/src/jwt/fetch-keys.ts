/** One read of a JSON Web Key Set (RFC 7517 §5). Bounded in size; what cannot be used is left out and named. */
import { isUtf8 } from 'node:buffer'
import { readKeys, type VerifyingKey } from './key.ts'

const SET_BYTES_MAX = 1_048_576
const KEYS_MAX = 1_000
/** Unusable keys that are named in a log line. */
const NAMED_MAX = 10

export interface FetchedKeys {
  readonly keys: readonly VerifyingKey[]
  /** `kid: reason` of the first keys that were left out */
  readonly unusable: readonly string[]
}

/** Rejects with an error whose message says what is wrong. `signal` bounds the time. */
export async function fetchKeys(url: string, signal: AbortSignal): Promise<FetchedKeys> {
  const list = listOf(await fetchText(url, signal).catch(restate))
  if (list.length > KEYS_MAX) throw new Error(`the key set has more than ${KEYS_MAX} keys`)
  const { keys, unusable } = readKeys(list)
  const named = unusable.slice(0, NAMED_MAX)
  if (keys.length === 0) throw new Error(['the key set has no key that verifies signatures', ...named].join('; '))
  return { keys, unusable: named }
}

function listOf(text: string): readonly unknown[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new Error('the answer is no key set: it is not JSON')
  }
  const list = set !== null && typeof set === 'object' ? (set as Record<string, unknown>)['keys'] : undefined
  if (!Array.isArray(list)) throw new Error('the answer is no key set: `keys` is not a list')
  return list
}

/** An address that answers with another one is not followed: who can redirect should not choose the keys. */
async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const accept = 'application/jwk-set+json, application/json'
  const response = await fetch(url, { signal, redirect: 'manual', headers: { accept } })
  if (response.status !== 200) {
    await response.body?.cancel()
    const location = response.headers.get('location')
    throw new Error(
      location === null
        ? `it answers with status ${response.status}`
        : `it redirects to ${location.slice(0, 200)}, which is not followed: name that address in \`keys\` if it is right`,
    )
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > SET_BYTES_MAX) throw new Error(`the answer has more than ${SET_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  if (!isUtf8(body)) throw new Error('the answer is not UTF-8 text')
  return body.toString()
}

/** `fetch failed` says nothing; its cause does. */
function restate(error: unknown): never {
  const { message, cause } = error as Error
  throw message === 'fetch failed' && cause instanceof Error
    ? new Error(cause.message || String(cause), { cause })
    : error
}
