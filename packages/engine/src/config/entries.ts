/**
 * Each entry against the schema of its own type: first the type, then the kind, then the rest, so that no error comes from
 * a type or kind the user did not choose. Called by load.ts before names are resolved.
 */
import type { CatalogModule, GuardModule, Kind, VaultModule } from '../contract.ts'
import { type DraftBinding, type DraftEntry, type DraftNamespace, isObject } from './draft.ts'
import { EXPORTER_TYPES, exporterSchemas, STORE_TYPES, storeSchema } from './envelope.ts'
import { isLater } from './later-types.ts'
import { nearest } from './nearest.ts'
import { fillDefaults, type OptionDefault } from './option-default.ts'
import type { Path } from './places.ts'
import { type Fault, pointer } from './problem.ts'
import type { Registry } from './registry.ts'
import { HIDDEN, isTemplate } from './secrets.ts'
import { Validator } from './validator.ts'

const storeValidator = new Validator(storeSchema)
const exporterValidators = new Map(EXPORTER_TYPES.map((type) => [type, new Validator(exporterSchemas[type]!)]))

/** Makes the entries of a namespace, with everything known about each alone. */
export function readEntries(
  namespace: DraftNamespace,
  registry: Registry,
  defaults: readonly OptionDefault[] = [],
): void {
  for (const [name, value] of namespace.entriesOf('bindings')) {
    fillDefaults(value, defaults)
    const binding: DraftBinding = {
      ...namespace.entry(['bindings'], name, value),
      exitsUnclear: false,
      unreachable: new Set(),
      exits: [],
    }
    namespace.bindings.set(name, binding)
    readBinding(binding, registry)
  }
  for (const [name, value] of namespace.entriesOf('stores')) {
    const store = namespace.entry(['stores'], name, value)
    namespace.stores.set(name, store)
    if (hasKnownType(store, 'store', STORE_TYPES)) validate(store, storeValidator)
  }
  readParts(namespace, 'guards', 'guard', registry.guards, registry)
  readParts(namespace, 'vaults', 'vault', registry.vaults, registry)
  readParts(namespace, 'catalogs', 'catalog', registry.catalogs, registry)
  readExporters(namespace)
}

/** Entries that are one module with options. */
function readParts<M extends GuardModule | VaultModule | CatalogModule>(
  namespace: DraftNamespace,
  section: 'guards' | 'vaults' | 'catalogs',
  what: string,
  modules: readonly M[],
  registry: Registry,
): void {
  const types = modules.map(({ type }) => type)
  const drafts: Map<string, DraftEntry & { module?: M }> = namespace[section] as never
  for (const [name, value] of namespace.entriesOf(section)) {
    const entry: DraftEntry & { module?: M } = namespace.entry([section], name, value)
    drafts.set(name, entry)
    if (!hasKnownType(entry, what, types)) continue
    entry.module = modules.find(({ type }) => type === value['type'])!
    validate(entry, registry.validator(entry.module))
  }
}

function readBinding(binding: DraftBinding, registry: Registry): void {
  const { value, path, namespace } = binding
  const types = registry.bindings.map(({ type }) => type)
  if (!hasKnownType(binding, 'binding', types)) return
  const module = registry.binding(value['type'] as string)!
  binding.module = module
  const kinds = Object.keys(module.kinds)
  const kind = value['kind']
  if (typeof kind === 'string' && kinds.includes(kind)) {
    binding.kind = kind as Kind
    binding.spec = module.kinds[kind as Kind]!
  } else {
    binding.sound = false
    namespace.report(kindFault(path, kind, kinds, value))
  }
  for (const fault of validate(binding, registry.validator(module), binding.kind === undefined)) {
    if (concernsExits(fault, path.length)) binding.exitsUnclear = true
  }
}

function kindFault(path: Path, kind: unknown, allowed: string[], value: object): Fault {
  if (!('kind' in value)) {
    return { code: 'missing-property', message: '`kind` is missing', path, missing: 'kind', atKey: true, allowed }
  }
  const suggestion = typeof kind === 'string' ? nearest(kind, allowed) : undefined
  const message = `expected ${allowed.map((name) => `\`${name}\``).join(' or ')}`
  return { code: 'unknown-kind', message, path: [...path, 'kind'], value: kind, suggestion, allowed }
}

/** Whether a fault may hide an exit: an unknown key beside it, or a list of routes that cannot be read. */
function concernsExits(fault: Fault, depth: number): boolean {
  const [first, , third] = fault.path.slice(depth)
  if (fault.level === 'warning') return false
  return fault.code === 'unknown-property'
    ? fault.path.length === depth + 1 || (first === 'routes' && fault.path.length === depth + 3)
    : first === 'exit' || (first === 'routes' && (third === undefined || third === 'exit'))
}

function hasKnownType(entry: DraftEntry, what: string, types: readonly string[]): boolean {
  const type = entry.value['type']
  if (typeof type === 'string' && types.includes(type)) return true
  entry.sound = false
  // The envelope has said so already.
  if (typeof type !== 'string') return false
  if (isLater(what, type)) {
    const later = `${what}s of type \`${type}\` are not in this version`
    entry.namespace.report({ code: 'type-not-supported', message: later, path: [...entry.path, 'type'] })
    return false
  }
  const message = types.length === 0 ? `there are no ${what} types` : `unknown ${what} type`
  const suggestion = nearest(type, types)
  const hint = types.length === 0 || suggestion !== undefined ? undefined : `Known are ${types.join(', ')}.`
  const path = [...entry.path, 'type']
  entry.namespace.report({ code: 'unknown-type', message, path, value: type, suggestion, allowed: types, hint })
  return false
}

/** Reports under the entry's path; returns the faults there. */
function validate(entry: DraftEntry, validator: Validator, kindUnknown = false): Fault[] {
  const { faults, references, secrets } = validator.validate(entry.value, { conditions: kindUnknown })
  for (const path of secrets) {
    const value = valueAt(entry.value, path)
    entry.namespace.hide([...entry.path, ...path], value)
    if (!isTemplate(value)) entry.hidden[pointer(path)] = HIDDEN
  }
  entry.references = references.map((reference) => ({ ...reference, path: [...entry.path, ...reference.path] }))
  const placed = faults
    .filter(({ path, missing }) => (missing ?? path[0]) !== 'kind' || path.length > 1)
    .map((fault) => ({ ...fault, path: [...entry.path, ...fault.path] }))
  for (const fault of placed) {
    if (fault.level !== 'warning') entry.sound = false
    entry.namespace.report(onKind(fault, entry))
  }
  return placed
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, part) => (at as Record<string | number, unknown> | undefined)?.[part], value)
}

/** What is refused is mostly refused to this kind only. */
function onKind(fault: Fault, entry: DraftEntry): Fault {
  const { type, kind } = entry.value
  if (fault.code !== 'not-accepted' || fault.hint !== undefined || typeof kind !== 'string') return fault
  return { ...fault, message: `${fault.message}, in ${type} ${kind}` }
}

function readExporters(namespace: DraftNamespace): void {
  const telemetry = namespace.root['telemetry']
  const exporters = isObject(telemetry) ? telemetry['exporters'] : undefined
  if (!isObject(exporters)) return
  for (const [name, value] of Object.entries(exporters)) {
    if (!isObject(value)) continue
    const exporter = namespace.entry(['telemetry', 'exporters'], name, value)
    if (hasKnownType(exporter, 'exporter', EXPORTER_TYPES)) {
      validate(exporter, exporterValidators.get(value['type'] as string)!)
    }
  }
}
