// Remembers that a step of the set-up succeeded, and tells whether all it read and wrote is still the same.
// Called by install.mjs and build.mjs. Inputs are compared by content, since a file put back (`mv`, `git stash`) may be older than what it replaces; outputs,
// which only tools write, by size and time. Must stay cheap: it runs before every `npm start`.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lock.mjs'

/** The directory of this repository. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** Where tools of this repository keep what can be made again; ignored by git. */
export const cacheDir = join(root, '.cache')

/** The directories under packages/. */
export const packageDirs = () =>
  readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .filter((dir) => existsSync(join(dir, 'package.json')))
    .sort()

/**
 * Every file below `dir`, sorted; none if it does not exist.
 * @param {string} dir
 * @returns {string[]}
 */
export function filesBelow(dir) {
  if (!existsSync(dir)) return []
  const entries = readdirSync(dir, { withFileTypes: true })
  const files = entries.flatMap((entry) => {
    const path = join(dir, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
  return files.sort()
}

/**
 * One hash over names and contents; an absent file counts as such.
 * @param {string[]} paths
 */
export function hashOfContents(paths) {
  const hash = createHash('sha256')
  for (const path of paths)
    hash.update(`\0${relative(root, path)}\0`).update(existsSync(path) ? readFileSync(path) : '')
  return hash.digest('hex')
}

/**
 * One hash over names, sizes and times; an absent file counts as such.
 * @param {string[]} paths
 */
export function hashOfTimes(paths) {
  const hash = createHash('sha256')
  for (const path of paths) {
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: -1, mtimeMs: 0 }
    hash.update(`\0${relative(root, path)} ${size} ${mtimeMs}`)
  }
  return hash.digest('hex')
}

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {() => string} inputs
 * @property {() => string} outputs
 * @property {() => Promise<void>} work
 */

/**
 * Does `work` unless inputs and outputs are what they were at its last success.
 * @param {Step} step
 */
export async function once({ name, inputs, outputs, work }) {
  const stamp = stampFile(name)
  const isDone = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs() + outputs()
  if (isDone()) return
  await withLock(join(cacheDir, 'setup.lock'), async () => {
    if (isDone()) return
    // Taken first: what changes while `work` runs may have been read before it changed.
    const before = inputs()
    await work()
    writeFileSync(stamp, before + outputs())
  })
}

/** @param {string} name */
export const stampFile = (name) => join(cacheDir, `${name}.stamp`)
