// Lets one process at a time do a piece of work in this checkout: installing, building, fetching Kafka.
// Called by setup and by whatever needs a broker. A lock whose owner has died is taken over.
// Must never be the only guard of correctness: what it protects is checked again inside, and published by a rename.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from './progress.mjs'

const waitMs = 10 * 60_000
const pollMs = 100

/**
 * Runs `work` while holding the lock file `path`, waiting up to 10 minutes for its owner.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true })
  const deadline = Date.now() + waitMs
  while (!acquire(path)) {
    const owner = ownerOf(path)
    if (owner !== undefined && !isAlive(owner)) {
      rmSync(path, { force: true })
    } else if (Date.now() > deadline) {
      throw new Problem(`Process ${owner ?? 'unknown'} holds ${path} for too long. If it is gone, remove that file.`)
    } else {
      await delay(pollMs)
    }
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

/** @param {string} path */
function acquire(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  }
}

/**
 * The process named in the lock file; undefined while its owner has created but not yet written it, or just removed it.
 * @param {string} path
 */
function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
