/**
 * `options.server` of the mqtt client: a URI whose host and port are what the exit dials. Read when a document is checked
 * and when it is attached; whether the connection is encrypted is the exit's business alone.
 */
import type { Address } from '@zilla-ts/net'

const PORTS: Readonly<Record<string, number>> = { mqtt: 1883, mqtts: 8883 }
const PORT_MAX = 65_535
const URI = /^(mqtts?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/?#@\s[\]]+))(?::(\d{1,5}))?\/?$/

/** Throws `RangeError` with the reason when there is no such address. */
export function serverAddress(uri: string): Address {
  const parts = URI.exec(uri)
  if (parts === null) throw new RangeError(`${uri} is not written mqtt://host:port`)
  const [, scheme, address, name, digits] = parts
  const port = digits === undefined ? PORTS[scheme!]! : Number(digits)
  if (port < 1 || port > PORT_MAX) throw new RangeError(`${uri}: there is no port ${port}`)
  return { host: address ?? name!, port }
}
