/** What the claims of a verified token say about its bearer. Pure; the token is trusted by now, its shape is not. */

export interface Bearer {
  readonly identity: string
  readonly roles: readonly string[]
  readonly attributes: Readonly<Record<string, string>>
}

export interface ClaimPaths {
  readonly identity: string
  readonly roles: string
  readonly attributes: Readonly<Record<string, string>>
}

type Claims = Readonly<Record<string, unknown>>

/** Null: the claim that names the bearer is not there. */
export function bearerOf(claims: Claims, paths: ClaimPaths): Bearer | null {
  const identity = scalar(claimAt(claims, paths.identity))
  if (identity === null || identity === '') return null
  const attributes: [string, string][] = []
  for (const [name, path] of Object.entries(paths.attributes)) {
    const value = scalar(claimAt(claims, path))
    if (value !== null) attributes.push([name, value])
  }
  return { identity, roles: rolesOf(claimAt(claims, paths.roles)), attributes: Object.fromEntries(attributes) }
}

/** A claim may have dots in its name, as `https://example.com/roles` does; else dots lead into objects. */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const name of path.split('.')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined
    at = (at as Claims)[name]
  }
  return at
}

/** RFC 6749 §3.3 has a text with blanks; lists are as common. */
function rolesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(/\s+/).filter((role) => role !== '')
  if (Array.isArray(value)) return value.filter((role) => typeof role === 'string')
  return []
}

function scalar(value: unknown): string | null {
  if (typeof value === 'string') return value
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)) ? String(value) : null
}
