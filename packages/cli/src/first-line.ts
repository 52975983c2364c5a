/** One line of the standard input, for what must not be on the command line; on a terminal it is not shown. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { CommandError } from './command-error.ts'

/** Rejects with a `CommandError` of this message where there is no line. */
export function firstLine(prompt: string, nothing: string): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  process.stderr.write(prompt)
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: process.stdin.isTTY })
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(line)
      lines.close()
    })
    // Ctrl-C, Ctrl-D, or nothing at all was given.
    lines.once('close', () => {
      if (prompt !== '') process.stderr.write('\n')
      reject(new CommandError(nothing))
    })
  })
}
