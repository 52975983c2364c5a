/** The `port` property of tcp: one port, a range, or a list of both. Pure; used by `check`, the server and conditions. */

export type PortSpec = number | string | readonly (number | string)[]

export interface PortRange {
  readonly from: number
  readonly to: number
}

const RANGE = /^(\d{1,6})(?:-(\d{1,6}))?$/
const PORT_MAX = 65_535

/** The ranges of a port property, in its order; throws a `RangeError` that names the faulty item. */
export function portRanges(spec: PortSpec): PortRange[] {
  const items = Array.isArray(spec) ? spec : [spec]
  return items.map((item) => {
    const match = RANGE.exec(String(item))
    const from = Number(match?.[1] ?? Number.NaN)
    const to = Number(match?.[2] ?? from)
    if (!(from <= PORT_MAX && to <= PORT_MAX))
      throw new RangeError(`${item} is not a port or range within 0-${PORT_MAX}`)
    if (from > to) throw new RangeError(`range ${item} is empty: ${from} is above ${to}`)
    return { from, to }
  })
}

/** Every single port, without repeats (0, a port of the system's choice, may stand several times). */
export function expandPorts(spec: PortSpec): number[] {
  const ports: number[] = []
  const seen = new Set<number>()
  for (const { from, to } of portRanges(spec)) {
    for (let port = from; port <= to; port++) {
      if (port !== 0 && seen.has(port)) continue
      seen.add(port)
      ports.push(port)
    }
  }
  return ports
}
