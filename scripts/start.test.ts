// `npm start` as a terminal, an init system and a container end it: nothing may be left over, whatever npm and its shell do.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TIMEOUT_MS = 120_000
const DOCUMENT = `name: example
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: echo }
  echo: { type: echo, kind: server }
`
/** A shell that waits for its command in place of making way for it. */
const WAITING_SHELL = '#!/bin/sh\nsh "$@"\nexit $?\n'

interface Started {
  readonly npm: ChildProcess
  /** its pipes are: the last process that held them has ended; with exit code and signal of npm */
  readonly closed: Promise<unknown[]>
  readonly port: number
}

/** In a process group of its own, as a terminal does. */
async function npmStart(shell?: string): Promise<Started> {
  const dir = mkdtempSync(join(tmpdir(), 'zilla-start-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const document = join(dir, 'zilla.yaml')
  writeFileSync(document, DOCUMENT)
  const env = { ...process.env }
  if (shell !== undefined) {
    env['npm_config_script_shell'] = join(dir, 'shell')
    writeFileSync(env['npm_config_script_shell'], shell, { mode: 0o755 })
  }
  const npm = spawn('npm', ['start', '--', '-c', document], {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => signalGroup(npm, 'SIGKILL'))
  const closed = once(npm, 'close')
  return { npm, closed, port: await portOf(npm) }
}

function portOf(npm: ChildProcess): Promise<number> {
  let output = ''
  return new Promise((resolve, reject) => {
    for (const stream of [npm.stdout, npm.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk
        const port = /"event":"LISTENING".*?"port":(\d+)/.exec(output)?.[1]
        if (port !== undefined) resolve(Number(port))
      })
    }
    npm.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)))
  })
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid!, signal)
  } catch {
    // Nobody is left in it.
  }
}

/** Exit code and signal of npm, once nothing is left. */
async function end({ closed, port }: Started): Promise<unknown[]> {
  const how = await closed
  const socket = connect(port, '127.0.0.1')
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  return how
}

describe.skipIf(process.platform === 'win32')('npm start', () => {
  it('ends with 0 on Ctrl-C', { timeout: TIMEOUT_MS }, async () => {
    const started = await npmStart()
    signalGroup(started.npm, 'SIGINT')
    expect(await end(started)).toEqual([0, null])
  })

  it.each([
    ['SIGTERM', 'the shell of npm', undefined],
    ['SIGTERM', 'a shell that stays', WAITING_SHELL],
    ['SIGKILL', 'the shell of npm', undefined],
  ] as const)('leaves nothing when npm alone gets %s, under %s', { timeout: TIMEOUT_MS }, async (signal, _, shell) => {
    const started = await npmStart(shell)
    started.npm.kill(signal)
    await end(started)
  })
})
