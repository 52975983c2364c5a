// The broker of the tests itself: what it says when it cannot run, and what its callers rely on when it does.
// Uses the shared broker; only its own requests go to it.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { createTopics } from './kafka-admin.mjs'
import { defaultTopics, parseTopics } from './kafka-topics.mjs'
import { withLock } from './lock.mjs'
import { kafkaBootstrap } from './test-environment.mjs'

const dir = mkdtempSync(join(tmpdir(), 'zilla-scripts-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const bootstrap = await kafkaBootstrap()

interface Outcome {
  code: number
  output: string
}

function kafka(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const script = fileURLToPath(new URL('kafka.mjs', import.meta.url))
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr })
    })
  })
}

/** A directory with one command, which prints `text` as `java -version` does. */
function pathWith(command: string, text: string): string {
  const path = mkdtempSync(join(dir, 'path-'))
  writeFileSync(join(path, command), `#!/bin/sh\necho '${text}' >&2\n`, { mode: 0o755 })
  return path
}

describe('npm run kafka', () => {
  it('explains itself', async () => {
    const { code, output } = await kafka(['--help'])
    expect(code).toBe(0)
    expect(output).toContain('--topics LIST')
    expect(output).toContain('--secure')
  })

  it.each([
    [['--prot', '1'], "Unknown option '--prot'"],
    [['--port', '70000'], '--port 70000 is not a port'],
    [['--port', 'x'], '--port x is not a port'],
    [['--topics', 'a:often'], "'often' in a:often"],
    [['consume'], 'Which topic?'],
  ])('refuses %j', async (args, reason) => {
    const { code, output } = await kafka(args)
    expect(code).toBe(1)
    expect(output).toContain(reason)
  })

  it('says that Java is missing', async () => {
    const { code, output } = await kafka(['--port', '0'], { PATH: dir, JAVA_HOME: '' })
    expect(code).toBe(1)
    expect(output).toContain('Java 17 or newer is needed to run Kafka; there is none on the PATH.')
  })

  it.each([
    ['openjdk version "11.0.2" 2019-01-15', '11.0.2'],
    ['java version "1.8.0_402"', '1.8.0_402'],
  ])('names a Java that is too old: %s', async (text, version) => {
    const { code, output } = await kafka(['--port', '0'], { PATH: `${pathWith('java', text)}:/bin`, JAVA_HOME: '' })
    expect(code).toBe(1)
    expect(output).toContain(`the one on the PATH is ${version}.`)
  })

  it('names a KAFKA_HOME that is none, or too old', async () => {
    const home = join(dir, 'kafka')
    mkdirSync(join(home, 'libs'), { recursive: true })
    const env = { PATH: `${pathWith('java', 'openjdk version "17"')}:/bin`, JAVA_HOME: '', KAFKA_HOME: home }
    expect((await kafka(['--port', '0'], env)).output).toContain('is no Kafka')
    writeFileSync(join(home, 'libs', 'kafka_2.13-3.9.1.jar'), '')
    expect((await kafka(['--port', '0'], env)).output).toContain('Kafka 4.1 or newer is needed')
  })
})

describe('topics', () => {
  it('are read from a list', () => {
    expect(parseTopics('a, b:3 c:compact:2,d:delete')).toEqual([
      { name: 'a', configs: {} },
      { name: 'b', configs: {}, partitions: 3 },
      { name: 'c', configs: expect.objectContaining({ 'cleanup.policy': 'compact' }), partitions: 2 },
      { name: 'd', configs: { 'cleanup.policy': 'delete' } },
    ])
  })

  it.each(['a/b', ':3', 'a:0', 'a:'])('refuses %s', (list) => {
    expect(() => parseTopics(list)).toThrow(/is not a topic name|is neither/)
  })
})

describe.skipIf(!bootstrap)('a broker', () => {
  const port = Number(bootstrap?.split(':')[1])
  const unique = `scripts-${process.pid}`

  it('creates topics, and refuses those that exist unless told to keep them', async () => {
    const topics = defaultTopics.map((topic) => ({ ...topic, name: `${unique}-${topic.name}` }))
    await createTopics(port, topics)
    await expect(createTopics(port, topics)).rejects.toThrow(/already exists/)
    await createTopics(port, topics, { keepExisting: true })
  })

  it('gives its reason for refusing a topic', async () => {
    const topic = { name: `${unique}-bad`, configs: { 'cleanup.policy': 'sometimes' } }
    await expect(createTopics(port, [topic])).rejects.toThrow(/sometimes/)
  })

  it('keeps its port from a second one', async () => {
    const { code, output } = await kafka(['--port', String(port)])
    expect(code).toBe(1)
    expect(output).toContain(`Port ${port} is in use`)
  })
})

it('a peer that is no broker is an error, not a wait', async () => {
  const server = createServer((socket) => socket.end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  await expect(createTopics(address.port, [{ name: 'a' }])).rejects.toThrow(/closed the connection/)
  server.close()
})

describe('a lock', () => {
  const path = join(dir, 'lock')

  it('lets one in at a time, and is gone afterwards', async () => {
    let inside = 0
    let most = 0
    const enter = () =>
      withLock(path, async () => {
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setImmediate(resolve))
        inside--
      })
    await Promise.all([enter(), enter(), enter()])
    expect(most).toBe(1)
    expect(existsSync(path)).toBe(false)
  })

  it('is released by a failure', async () => {
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(existsSync(path)).toBe(false)
  })

  it('of a process that has died is taken over', async () => {
    const dead = await new Promise<number>((resolve) => {
      const child = execFile(process.execPath, ['-e', ''], () => resolve(child.pid ?? 0))
    })
    writeFileSync(path, String(dead))
    expect(await withLock(path, async () => readFileSync(path, 'utf8'))).toBe(String(process.pid))
  })
})
