/** `zilla-ts password`: writes a user into the file of a `password` guard. The password is not on the command line, where others could read it. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { setPassword } from '@zilla-ts/guards'
import { CommandError } from './command-error.ts'

export interface PasswordOptions {
  readonly name: string
  readonly file: string
  /** absent: those that the user has */
  readonly roles?: readonly string[]
}

export async function password({ name, file, roles }: PasswordOptions): Promise<void> {
  const given = process.stdin.isTTY ? await askTwice(name) : await firstLine('')
  try {
    const done = await setPassword(file, { name, password: given, roles })
    process.stdout.write(`${name} is ${done === 'added' ? 'added to' : 'changed in'} ${file}\n`)
  } catch (error) {
    throw new CommandError((error as Error).message, { cause: error })
  }
}

async function askTwice(name: string): Promise<string> {
  const given = await firstLine(`Password of ${name}: `)
  if (given !== (await firstLine('The same again: '))) throw new CommandError('the two passwords are not the same')
  return given
}

/** One line of the standard input; on a terminal it is not shown. */
function firstLine(prompt: string): Promise<string> {
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
      reject(new CommandError('no password was given'))
    })
  })
}
