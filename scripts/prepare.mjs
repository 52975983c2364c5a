// Brings the checkout to a state that runs: dependencies installed and, unless told otherwise, packages built.
// Called by setup.mjs and start.mjs, in their process. Node's own modules only, no recent syntax: nothing is installed yet.

import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Problem } from './progress.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {{ build: boolean }} options */
export async function prepare({ build }) {
  checkNode()
  checkWritable()
  // Imported only now: a Node that is too old could not even load them.
  const { ensureInstalled } = await import('./install.mjs')
  const { ensureBuilt } = await import('./build.mjs')
  await ensureInstalled()
  if (build) await ensureBuilt()
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const wanted = engines.node.replace('>=', '')
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [majorMin, minorMin] = wanted.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return
  throw new Problem(`Node ${wanted} or newer is needed; this is ${process.versions.node} (${process.execPath}).`)
}

function checkWritable() {
  try {
    accessSync(root, constants.W_OK)
    mkdirSync(join(root, '.cache'), { recursive: true })
    accessSync(join(root, '.cache'), constants.W_OK)
  } catch (cause) {
    throw new Problem(`No permission to write in ${root}, where dependencies and the build go.`, { cause })
  }
}
