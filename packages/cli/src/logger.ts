/**
 * Where events go: JSON lines on standard output for machines, coloured text on a terminal. Written synchronously, so that
 * the last words of a process that ends are not lost.
 */
import { type Logger, pino, stdTimeFunctions } from 'pino'

/** `verbose` adds the debug events. */
export async function createLogger({ verbose }: { readonly verbose: boolean }): Promise<Logger> {
  const options = {
    level: verbose ? 'debug' : 'info',
    base: undefined,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  if (!process.stdout.isTTY) return pino(options, pino.destination({ dest: 1, sync: true }))
  const { PinoPretty } = await import('pino-pretty')
  return pino(options, PinoPretty({ sync: true, colorize: true, translateTime: 'SYS:HH:MM:ss.l' }))
}
