/**
 * Two bindings of a file that would listen on the same port: the second could not start. Called by load.ts with every
 * sound binding. Takes n log n for n ranges of ports, however much they overlap; nothing is resolved, so a host name
 * clashes only with the same name and with what takes every address.
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { Listens } from '../contract.ts'
import type { DraftBinding } from './draft.ts'

interface Listener extends Listens {
  readonly binding: DraftBinding
  /** place in the file, by which the later of two is told */
  readonly order: number
}

const ANY_V4 = '0.0.0.0'
/** Takes IPv4 too. */
const ANY = '::'

/** Reports each listener that clashes, with one that it clashes with. */
export function checkListeners(bindings: readonly DraftBinding[]): void {
  const listeners: Listener[] = []
  for (const binding of bindings) {
    if (!binding.sound || binding.module?.listens === undefined) continue
    for (const listens of binding.module.listens(binding.value as never)) {
      // Port 0 is whatever is free.
      if (listens.to > 0) listeners.push({ ...listens, host: hostOf(listens.host), binding, order: listeners.length })
    }
  }
  listeners.sort((a, b) => a.from - b.from || a.order - b.order)
  const furthest = new Map<string, Listener>()
  for (const listener of listeners) {
    const other = rivals(listener.host)
      .map((key) => furthest.get(key))
      .find((each) => each !== undefined && each.to >= listener.from && each.binding !== listener.binding)
    if (other !== undefined) report(listener, other)
    for (const key of kept(listener.host)) {
      if ((furthest.get(key)?.to ?? -1) < listener.to) furthest.set(key, listener)
    }
  }
}

const hostOf = (host: string): string => {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (name === 'localhost') return '127.0.0.1'
  return name === '::0' || name === '*' ? ANY : name
}

/** Under which names a listener is kept, for those that come later. */
const kept = (host: string): string[] => [host, 'any', ...(isIPv6(host) ? [] : ['v4'])]

/** Under which names those are kept that a listener cannot stand beside. */
function rivals(host: string): string[] {
  if (host === ANY) return ['any']
  if (host === ANY_V4) return ['v4', ANY]
  return [host, ANY, ...(isIPv4(host) ? [ANY_V4] : [])]
}

function report(a: Listener, b: Listener): void {
  const [first, second] = a.order < b.order ? [a, b] : [b, a]
  const from = Math.max(a.from, b.from)
  const to = Math.min(a.to, b.to)
  const ports = from === to ? `port ${from}` : `ports ${from}-${to}`
  const { binding, path } = second
  const name = first.binding.namespace === binding.namespace ? first.binding.name : first.binding.id
  const message = `${ports}: \`${name}\` listens there already`
  binding.namespace.report({ code: 'port-clash', message, path: [...binding.path, ...path] })
}
