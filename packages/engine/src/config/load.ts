/**
 * The whole way from the text of a `zilla.yaml` to what the engine runs. `validate` and `start` both call `loadConfig`, so
 * they agree. Pure: no socket, network, clock or file but the text given.
 */
import { LineCounter } from 'yaml'
import type { BindingEntry, Finding } from '../contract.ts'
import { buildConfigs } from './build.ts'
import type { Config } from './config.ts'
import {
  type DraftBinding,
  type DraftCatalog,
  type DraftGuard,
  DraftNamespace,
  type DraftVault,
  isObject,
} from './draft.ts'
import { readEntries } from './entries.ts'
import { envelopeSchema } from './envelope.ts'
import type { Environment } from './expression.ts'
import { checkListeners } from './listeners.ts'
import type { OptionDefault } from './option-default.ts'
import { type Hidden, NO_NODES, Places, stretch } from './places.ts'
import { type Problem, ProblemList } from './problem.ts'
import { Redactor } from './redactor.ts'
import { resolveReferences } from './references.ts'
import type { Registry } from './registry.ts'
import { checkRouting } from './routing.ts'
import { linesByGuess, linesWithout, type Range } from './secrets.ts'
import { TreeReader } from './tree.ts'
import { Validator } from './validator.ts'
import { parseYaml, type SourceFault } from './yaml-source.ts'

export interface LoadInput {
  readonly text: string
  /** as it shall stand in problems */
  readonly file: string
  readonly registry: Registry
  /** variables for `${{env.NAME}}` */
  readonly environment: Environment
  /** variables that are not set are no problem: what they would give is not judged, and nothing can be run */
  readonly allowUnset?: boolean
  /** instead of the modules' own */
  readonly defaults?: readonly OptionDefault[]
}

export interface LoadResult {
  /** by place in the file */
  readonly problems: readonly Problem[]
  /** empty as soon as one problem is an error, or a value is not known */
  readonly namespaces: readonly Config[]
  /** Problems with those found later, by who has looked outside; bindings by their ids. */
  problemsWith(
    found: readonly { readonly binding: string; readonly findings: readonly Finding[] }[],
  ): readonly Problem[]
}

const envelopeValidator = new Validator(envelopeSchema)

/** The namespace of bindings that need no declaration. */
const BUILT_IN = 'sys'

/** Every problem of the document, and without errors its namespaces. */
export function loadConfig(input: LoadInput): LoadResult {
  const redactor = new Redactor()
  const problems = new ProblemList(input.file, redactor)
  const read = readNamespaces(input, problems, redactor)
  const { namespaces } = read
  const sorted = (): readonly Problem[] => problems.sorted(() => read.lines(problems.secretRanges))
  const result = (configs: readonly Config[]): LoadResult => ({
    problems: sorted(),
    namespaces: configs,
    problemsWith(found) {
      const bindings = [...(namespaces?.values() ?? [])].flatMap((namespace) => [...namespace.bindings.values()])
      for (const { binding: id, findings } of found) {
        const binding = bindings.find((each) => `${each.namespace.name}:${each.name}` === id)
        if (binding !== undefined) report(binding, findings)
      }
      return sorted()
    },
  })
  if (namespaces === undefined) return result([])
  for (const namespace of namespaces.values()) readEntries(namespace, input.registry, input.defaults)
  addBuiltIn(namespaces, input.registry, problems)
  resolveReferences(namespaces)
  for (const namespace of namespaces.values()) {
    for (const binding of namespace.bindings.values()) {
      checkRouting(binding)
      runCheck(binding)
    }
    for (const guard of namespace.guards.values()) runCheck(guard)
    for (const vault of namespace.vaults.values()) runCheck(vault)
    for (const catalog of namespace.catalogs.values()) runCheck(catalog)
  }
  checkListeners([...namespaces.values()].flatMap(({ bindings }) => [...bindings.values()]))
  return result(problems.hasErrors || read.unset ? [] : buildConfigs(namespaces, input.file))
}

interface Read {
  /** undefined when the text cannot be read as a whole */
  readonly namespaces?: Map<string, DraftNamespace>
  /** those of the text that may be shown */
  readonly lines: (secrets: readonly Range[]) => string[]
  /** some variable has no value, which was allowed */
  readonly unset: boolean
}

function readNamespaces(input: LoadInput, problems: ProblemList, redactor: Redactor): Read {
  const { text, documents, lines, faults } = parseYaml(input.text)
  const reportText = ({ offset, end, code, message, path }: SourceFault): void => {
    problems.addAt(stretch(lines, offset, end ?? offset), { level: 'error', code, message }, path)
  }
  faults.forEach(reportText)
  if (faults.length > 0) return { lines: () => linesByGuess(text), unset: false }
  const shown = (secrets: readonly Range[]): string[] => linesWithout(secrets, text)
  if (documents.length === 0) return { namespaces: emptyFile(input, lines, problems), lines: shown, unset: false }
  const namespaces = new Map<string, DraftNamespace>()
  let complete = true
  let unset = false
  for (const [index, document] of documents.entries()) {
    const reader = new TreeReader(text, input.environment, input.allowUnset)
    const root = reader.read(document)
    for (const [value, expression] of reader.expanded) redactor.expanded(value, expression)
    for (const { value, range } of reader.secrets) {
      redactor.secret(value)
      if (range !== undefined) problems.secretRanges.push(range)
    }
    reader.faults.forEach(reportText)
    unset ||= reader.unset
    if (reader.incomplete) {
      complete = false
    } else {
      const places = new Places(index, document, lines, reader)
      const namespace = readEnvelope(root, places, problems, namespaces, reader.hidden)
      if (namespace !== undefined) namespaces.set(namespace.name, namespace)
    }
  }
  return { ...(complete && { namespaces }), lines: shown, unset }
}

/** A file of nothing is a namespace of nothing; comments alone are not even that. Both are hardly meant. */
function emptyFile(input: LoadInput, lines: LineCounter, problems: ProblemList): Map<string, DraftNamespace> {
  const message = 'the file describes nothing: there is no `name` and no `bindings`'
  problems.addAt({ line: 1, column: 1, endLine: 1, endColumn: 1 }, { level: 'warning', code: 'empty-file', message })
  if (input.text !== '') return new Map()
  const places = new Places(0, null, lines, NO_NODES)
  return new Map([['default', new DraftNamespace('default', {}, places, problems)]])
}

function readEnvelope(
  root: unknown,
  places: Places,
  problems: ProblemList,
  known: ReadonlyMap<string, DraftNamespace>,
  hidden: readonly Hidden[],
): DraftNamespace | undefined {
  if (root === null) {
    const hint = 'A line of `---` begins another document: remove it, or write the document.'
    problems.add(places, { code: 'null-document', message: 'there is nothing in this document', path: [], hint })
    return undefined
  }
  const { faults } = envelopeValidator.validate(root)
  for (const fault of faults) problems.add(places, fault)
  if (!isObject(root)) return undefined
  const name = typeof root['name'] === 'string' ? root['name'] : ''
  const report = (code: string, message: string): void => problems.add(places, { code, message, path: ['name'] })
  if (known.has(name) && name !== '')
    report('duplicate-namespace', `another document of the file has the name \`${name}\``)
  if (name === BUILT_IN) report('reserved-name', `the namespace \`${BUILT_IN}\` is built in`)
  // Entries of a document that has no usable name are still checked, apart from all others.
  const usable = name !== '' && name !== BUILT_IN && !known.has(name)
  return new DraftNamespace(usable ? name : ` ${places.document}`, root, places, problems, { hidden })
}

/** `sys:tcp_client` dials whatever address it is asked for; `sys:tls_client` speaks TLS there. */
function addBuiltIn(namespaces: Map<string, DraftNamespace>, registry: Registry, problems: ProblemList): void {
  if (registry.binding('tcp')?.kinds.client === undefined) return
  const tls =
    registry.binding('tls')?.kinds.client === undefined
      ? {}
      : { tls_client: { type: 'tls', kind: 'client', exit: 'tcp_client' } }
  const root = { name: BUILT_IN, bindings: { tcp_client: { type: 'tcp', kind: 'client' }, ...tls } }
  const places = new Places(-1, null, new LineCounter(), NO_NODES)
  const namespace = new DraftNamespace(BUILT_IN, root, places, problems, { builtIn: true })
  readEntries(namespace, registry)
  namespaces.set(BUILT_IN, namespace)
}

/** A module's own rules see only entries that its schema accepts. */
function runCheck(entry: DraftBinding | DraftGuard | DraftVault | DraftCatalog): void {
  if (!entry.sound || entry.module === undefined) return
  const findings = entry.module.check?.(entry.value as never, 'exits' in entry ? exitsOf(entry) : null) ?? []
  report(entry, findings)
}

function report(entry: DraftBinding | DraftGuard | DraftVault | DraftCatalog, findings: readonly Finding[]): void {
  for (const { level, code, message, path } of findings) {
    if (level === 'error') entry.sound = false
    // Of a route that is not taken nothing more need be said.
    else if ('unreachable' in entry && path[0] === 'routes' && entry.unreachable.has(Number(path[1]))) continue
    entry.namespace.report({ level, code, message, path: [...entry.path, ...path] })
  }
}

function exitsOf({ exits, exitsUnclear }: DraftBinding): readonly BindingEntry[] | null {
  if (exitsUnclear || exits.some(({ target }) => !target.sound)) return null
  return exits.map(({ target }) => target.value as unknown as BindingEntry)
}
