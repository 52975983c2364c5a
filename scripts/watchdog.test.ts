// A watched program must not outlive the process that started it, and its end must not be taken for that process's end.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { spawnWatched } from './watchdog.mjs'

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'zilla-watchdog-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('ends the program and removes its directory when its parent is killed', async () => {
  const dir = directory()
  const module = new URL('watchdog.mjs', import.meta.url).href
  const code = `const { spawnWatched } = await import(${JSON.stringify(module)})
    console.log(spawnWatched(['sleep', '600'], 2, ${JSON.stringify(dir)}).pid)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(parent.stdout), 'line')
  expect(isAlive(Number(line))).toBe(true)

  parent.kill('SIGKILL')
  await expect.poll(() => isAlive(Number(line)), { timeout: 10_000 }).toBe(false)
  await expect.poll(() => existsSync(dir), { timeout: 10_000 }).toBe(false)
})

it('leaves the directory alone when the program ends first', async () => {
  const dir = directory()
  const child = spawnWatched(['true'], openSync(join(dir, 'log'), 'w'), dir)
  await once(child, 'exit')
  // The pipe closes only when the watchdog, its last reader, has ended.
  await once(child, 'close')
  expect(existsSync(dir)).toBe(true)
})
