/** Runs a command line of `zilla-ts explain` in this process, and returns what it would print. */
import { Command, Option } from 'commander'
import { explainClient } from '../src/explain-client.ts'
import { addExplainCommands } from '../src/explain-flags.ts'

/** `words`: from the name of the command on, `publish`. Rejects as the command would fail. */
export async function explainLine(words: readonly string[]): Promise<{ text: string; code: number }> {
  const program = new Command('explain')
  const answers: { text: string; code: number }[] = []
  const modules = () => new Option('-m, --module <name>').default([])
  addExplainCommands(program, 'zilla.yaml', modules, async (...asked) => {
    answers.push(await explainClient(...asked))
  })
  await program.parseAsync([...words], { from: 'user' })
  return answers[0]!
}
