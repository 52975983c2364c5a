import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryLock, type OwnerRecord } from './directory-lock.ts'

let directory: string
let owner: string | null

const record: OwnerRecord = {
  read: () => owner,
  swap: (expected, next) => {
    if (owner !== expected) return false
    owner = next
    return true
  },
}

const sockets = () => readdirSync(directory)

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lock-'))
  owner = null
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('DirectoryLock', () => {
  it('lets one in, and the next after a release', async () => {
    const lock = await DirectoryLock.acquire(directory, record)
    expect(sockets()).toEqual([owner])
    await expect(DirectoryLock.acquire(directory, record)).rejects.toThrow(`directory ${directory} is in use`)
    expect(sockets()).toEqual([owner])
    await lock.release()
    expect([owner, sockets()]).toEqual([null, []])
    await (await DirectoryLock.acquire(directory, record)).release()
  })

  it('takes over from an owner that is gone, whether it left a socket or not', async () => {
    owner = 'lock-of-the-dead'
    const lock = await DirectoryLock.acquire(directory, record)
    expect(sockets()).toEqual([owner])
    await lock.release()
  })

  it('lets one of many in that come at once, also over one that is gone', async () => {
    owner = 'lock-of-the-dead'
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => DirectoryLock.acquire(directory, record)))
    const locks = results.filter((result) => result.status === 'fulfilled')
    expect(locks).toHaveLength(1)
    expect(sockets()).toEqual([owner])
    await locks[0]!.value.release()
  })

  it('is over, though the record cannot be written any more', async () => {
    const full: OwnerRecord = {
      read: record.read,
      swap: (expected, next) => {
        if (next === null) throw new Error('disk full')
        return record.swap(expected, next)
      },
    }
    await (await DirectoryLock.acquire(directory, full)).release()
    expect(owner).not.toBe(null)
    await (await DirectoryLock.acquire(directory, record)).release()
  })

  it('says so when the path has no room for its socket', async () => {
    const deep = join(directory, 'd'.repeat(120))
    mkdirSync(deep)
    await expect(DirectoryLock.acquire(deep, record)).rejects.toThrow(`directory ${deep}: the path is too long`)
  })
})
