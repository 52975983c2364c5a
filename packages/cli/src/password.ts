/** `zilla-ts password`: writes a user into the file of a `password` guard. The password is not on the command line, where others could read it. */
import { setPassword } from '@zilla-ts/guards'
import { CommandError } from './command-error.ts'
import { firstLine } from './first-line.ts'

export interface PasswordOptions {
  readonly name: string
  readonly file: string
  /** absent: those that the user has */
  readonly roles?: readonly string[]
}

export async function password({ name, file, roles }: PasswordOptions): Promise<void> {
  const given = process.stdin.isTTY ? await askTwice(name) : await firstLine('', NOTHING)
  try {
    const done = await setPassword(file, { name, password: given, roles })
    process.stdout.write(`${name} is ${done === 'added' ? 'added to' : 'changed in'} ${file}\n`)
  } catch (error) {
    throw new CommandError((error as Error).message, { cause: error })
  }
}

const NOTHING = 'no password was given'

async function askTwice(name: string): Promise<string> {
  const given = await firstLine(`Password of ${name}: `, NOTHING)
  if (given !== (await firstLine('The same again: ', NOTHING)))
    throw new CommandError('the two passwords are not the same')
  return given
}
