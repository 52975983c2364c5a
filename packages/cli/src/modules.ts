/**
 * `--module`: bindings, guards, vaults and catalogs of other packages, beside the standard ones. A module is a file, or a
 * package found from the working directory; it exports arrays of what it brings. Whatever is wrong with it is said before
 * anything runs, for the engine trusts its modules.
 */
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type BindingModule,
  type CatalogModule,
  createRegistry,
  type GuardModule,
  type Registry,
  type VaultModule,
} from '@zilla-ts/engine'
import { CommandError } from './command-error.ts'
import { standard } from './standard.ts'

interface Exports {
  readonly bindings: readonly BindingModule[]
  readonly guards: readonly GuardModule[]
  readonly vaults: readonly VaultModule[]
  readonly catalogs: readonly CatalogModule[]
}

const SECTIONS = ['bindings', 'guards', 'vaults', 'catalogs'] as const

/** The standard modules and those of `names`. Rejects with a `CommandError` that names the module at fault. */
export async function loadRegistry(names: readonly string[]): Promise<Registry> {
  let registry = standard
  for (const name of names) {
    const found = await load(name)
    try {
      registry = createRegistry({
        bindings: [...registry.bindings, ...found.bindings],
        guards: [...registry.guards, ...found.guards],
        vaults: [...registry.vaults, ...found.vaults],
        catalogs: [...registry.catalogs, ...found.catalogs],
      })
    } catch (error) {
      throw fault(name, (error as Error).message, error)
    }
    for (const module of SECTIONS.flatMap((section): readonly AnyModule[] => found[section])) {
      checkSchema(name, module, registry)
    }
  }
  return registry
}

type AnyModule = Exports[(typeof SECTIONS)[number]][number]

async function load(name: string): Promise<Exports> {
  const url = await locate(name)
  let exported: Record<string, unknown>
  try {
    exported = (await import(url)) as Record<string, unknown>
  } catch (error) {
    throw fault(name, `it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error)
  }
  // What CommonJS exports is there as the default, in older Nodes as nothing else.
  const fallback = exported['default']
  if (!SECTIONS.some((section) => section in exported) && fallback !== null && typeof fallback === 'object') {
    exported = fallback as Record<string, unknown>
  }
  if (!SECTIONS.some((section) => section in exported)) {
    throw fault(name, `it exports none of ${SECTIONS.map((section) => `\`${section}\``).join(', ')}`)
  }
  for (const section of SECTIONS) checkExport(name, section, exported[section] ?? [])
  return { bindings: [], guards: [], vaults: [], catalogs: [], ...exported } as Exports
}

/** As Node itself finds it: a path from the working directory, or a package installed there. */
async function locate(name: string): Promise<string> {
  if (/^\.{1,2}([/\\]|$)/.test(name) || isAbsolute(name) || /\.[cm]?[jt]s$/.test(name)) {
    const file = resolve(name)
    if (!existsSync(file)) throw fault(name, 'there is no such file')
    if (/\.[cm]?ts$/.test(name) && !('typescript' in process.features && process.features.typescript)) {
      throw fault(name, 'this Node does not run TypeScript (22.18 does): compile it, and name the JavaScript file')
    }
    return pathToFileURL(file).href
  }
  const { createJiti } = await import('jiti')
  const found = createJiti(pathToFileURL(join(process.cwd(), 'x')).href).esmResolve(name, { try: true })
  if (found === undefined) throw fault(name, 'there is no such package here; a file is written ./name.js')
  return found
}

function checkExport(name: string, section: (typeof SECTIONS)[number], list: unknown): void {
  if (!Array.isArray(list)) throw fault(name, `its \`${section}\` is not an array`)
  for (const [index, module] of list.entries()) {
    const at = `${section}[${index}]`
    const { type, kinds, schema, attach } = (module ?? {}) as Record<string, unknown>
    if (typeof type !== 'string' || type === '') throw fault(name, `${at} has no \`type\``)
    if (typeof attach !== 'function') throw fault(name, `${at} (${type}) has no function \`attach\``)
    if (schema === null || typeof schema !== 'object') throw fault(name, `${at} (${type}) has no \`schema\``)
    if (section === 'bindings' && (kinds === null || typeof kinds !== 'object')) {
      throw fault(name, `${at} (${type}) has no \`kinds\``)
    }
  }
}

/** The schema is what every problem with a document is found by: one that cannot be used would hide them. */
function checkSchema(name: string, module: AnyModule, registry: Registry): void {
  const properties = (module.schema['properties'] ?? {}) as Record<string, Record<string, unknown> | undefined>
  if (properties['type']?.['const'] !== module.type) {
    throw fault(name, `the schema of ${module.type} must have \`properties.type\` with \`const: ${module.type}\``)
  }
  if ('kinds' in module) {
    const kinds = Object.keys(module.kinds)
    if (JSON.stringify(properties['kind']?.['enum']) !== JSON.stringify(kinds)) {
      throw fault(
        name,
        `the schema of ${module.type} must have \`properties.kind\` with \`enum: ${JSON.stringify(kinds)}\``,
      )
    }
  }
  try {
    registry.validator(module).validate({})
  } catch (error) {
    throw fault(name, `the schema of ${module.type} cannot be used: ${(error as Error).message}`, error)
  }
}

function fault(name: string, reason: string, cause?: unknown): CommandError {
  return new CommandError(`--module ${name}: ${reason}`, { cause })
}
