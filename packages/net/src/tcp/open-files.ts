/**
 * How many files this process may have open, sockets included. Node raises its limit to the highest that it may have, so
 * that is what counts. Asked once, when listeners are made.
 */
import { readFileSync } from 'node:fs'

/** Left for what is not a client: connections to Kafka, the log, files that are read. */
const RESERVE = 0.1
const RESERVE_MIN = 32
const RESERVE_MAX = 1_000

/** Connections that are safe to accept with a limit of so many files. */
export function safeConnections(openFiles: number): number {
  if (!Number.isFinite(openFiles)) return Number.POSITIVE_INFINITY
  const reserve = Math.min(Math.max(Math.ceil(openFiles * RESERVE), RESERVE_MIN), RESERVE_MAX)
  return Math.max(openFiles - reserve, 1)
}

/** Infinity where there is no limit, or the system does not tell it (only Linux does). */
export function openFilesMax(): number {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
