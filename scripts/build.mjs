// Compiles the packages (which checks their types), unless what they hold now is compiled.
// Called by setup.mjs and test.mjs, after ensureInstalled.
// Must never leave a stamp when types do not fit: the next call is to say so again.

import { join } from 'node:path'
import { Problem, run, step } from './progress.mjs'
import { filesBelow, hashOfContents, hashOfTimes, once, packageDirs, root, stampFile } from './stamp.mjs'

/** Resolves when every dist/ is what the sources say. */
export const ensureBuilt = () => once({ name: 'build', inputs, outputs, work })

function inputs() {
  const sources = packageDirs().flatMap((dir) => [join(dir, 'tsconfig.json'), ...filesBelow(join(dir, 'src'))])
  const settings = [join(root, 'tsconfig.base.json'), join(root, 'tsconfig.json'), stampFile('install')]
  return hashOfContents([...sources.filter((path) => !path.endsWith('.test.ts')), ...settings])
}

function outputs() {
  return hashOfTimes(packageDirs().flatMap((dir) => filesBelow(join(dir, 'dist'))))
}

// By force, since `tsc -b` judges by time alone what we judge by content; it costs about a second.
async function work() {
  await step('Building', async () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { code, output } = await run(process.execPath, [tsc, '-b', '--force'], { cwd: root })
    if (code !== 0) throw new Problem('Building failed.', { output })
  })
}
