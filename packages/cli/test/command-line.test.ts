/** The commands as users type them, each in a process of its own. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineProcess } from '@zilla-ts/testing'
import type { Log } from 'sarif'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { childrenOf, defer } from './fixture.ts'

const BIN = fileURLToPath(new URL('../bin/zilla-ts', import.meta.url))
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const ECHO = `name: example
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: echo }
  echo: { type: echo, kind: server }
`
const EMBEDDED = `name: example
bindings:
  north: { type: tcp, kind: server, options: { host: 127.0.0.1, port: 0 }, exit: mqtt }
  mqtt: { type: mqtt, kind: server, exit: mapping }
  mapping:
    type: mqtt-kafka
    kind: proxy
    options: { topics: { sessions: s, messages: m, retained: r } }
    exit: log
  log: { type: kafka-embedded, kind: server, options: { directory: log } }
`
const FAULTY = ECHO.replace('exit: echo', 'exti: echo')
const FAULTY_LINE = FAULTY.split('\n')[2]!
const FAULTY_COLUMN = FAULTY_LINE.indexOf('exti') + 1

/** How long one process may take; tests that start several have the time of all tests, 120 s. */
const PROCESS_MS = 60_000

let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'zilla-cli-'))
  for (const [name, text] of Object.entries({ good: ECHO, bad: FAULTY, empty: 'name: x\n', embedded: EMBEDDED })) {
    writeFileSync(join(directory, `${name}.yaml`), text)
  }
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

function zilla(...args: string[]): { code: number | null; out: string; err: string } {
  return zillaReading(undefined, ...args)
}

/** `input` is what the standard input has; undefined: nothing. */
function zillaReading(input: string | undefined, ...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    cwd: directory,
    input,
    encoding: 'utf8',
    timeout: PROCESS_MS,
  })
  return { code: status, out: stdout, err: stderr }
}

describe('help and version', () => {
  it.each([[['--help']], [['start', '--help']], [['validate', '--help']], [['graph', '--help']], [['diff', '--help']]])(
    '%j shows examples',
    (args) => {
      const { code, out, err } = zilla(...args)
      expect(code).toBe(0)
      expect(out).toMatch(/^Usage: zilla-ts/)
      expect(out).toContain('Examples:\n  zilla-ts ')
      expect(err).toBe('')
    },
  )

  it('of start lists the properties', () => {
    expect(zilla('start', '--help').out).toContain('\n  zilla.binding.mqtt.keep.alive.minimum  ')
  })

  it.each(['version', '--version'])('%s', (argument) => {
    expect(zilla(argument)).toEqual({ code: 0, out: `zilla-ts ${version}\n`, err: '' })
  })

  it.each([
    [['bogus'], "unknown command 'bogus'"],
    [['start', '--bogus'], "unknown option '--bogus'"],
    [['start', '-w', '0'], 'It must be a number from 1 to 256.'],
    [['start', '-w', '1.5'], 'It must be a number from 1 to 256.'],
    [['start', '-P', '=x'], 'It must be name=value.'],
  ])('%j is refused with one line', (args, reason) => {
    const { code, out, err } = zilla(...args)
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toContain(reason)
    expect(err.trim().split('\n')).toHaveLength(1)
  })
})

describe('validate', () => {
  it('says that a document is valid', () => {
    expect(zilla('validate', '-c', 'good.yaml')).toEqual({ code: 0, out: 'good.yaml is valid\n', err: '' })
  })

  it('shows each problem with its line', () => {
    const { code, out } = zilla('validate', 'bad.yaml')
    expect(code).toBe(1)
    expect(out.split('\n')).toEqual([
      `bad.yaml:3:${FAULTY_COLUMN} error ZC0201 unknown-property  \`exti\` is unknown here; did you mean \`exit\`?`,
      `3 | ${FAULTY_LINE}`,
      `${' '.repeat('3 | '.length + FAULTY_COLUMN - 1)}^^^^`,
      'bad.yaml is not valid: 1 error',
      '',
    ])
  })

  it('takes files and patterns, each file once, and fails when one does', () => {
    const { code, out } = zilla('validate', '-c', 'good.yaml', 'b*.yaml', 'empty.yaml', 'good.yaml')
    expect(code).toBe(1)
    expect(out.split('\n').filter((line) => line.includes(' valid'))).toEqual([
      'good.yaml is valid',
      'bad.yaml is not valid: 1 error',
      'empty.yaml is valid',
    ])
  })

  it('takes zilla.yaml when nothing is named', () => {
    expect(zilla('validate')).toMatchObject({ code: 2, out: expect.stringContaining('cannot read zilla.yaml') })
  })

  it('reads the standard input', () => {
    const args = { cwd: directory, encoding: 'utf8', input: FAULTY, timeout: PROCESS_MS } as const
    const { status, stdout } = spawnSync(process.execPath, [BIN, 'validate', '-'], args)
    expect(status).toBe(1)
    expect(stdout).toContain(`<stdin>:3:${FAULTY_COLUMN} error ZC0201`)
  })

  it('fails on warnings only when that is asked for', () => {
    writeFileSync(join(directory, 'unused.yaml'), `${ECHO}  spare: { type: echo, kind: server }\n`)
    expect(zilla('validate', 'unused.yaml')).toMatchObject({
      code: 0,
      out: expect.stringContaining('unused.yaml is valid: 1 warning'),
    })
    expect(zilla('validate', '--strict', 'unused.yaml')).toMatchObject({
      code: 1,
      out: expect.stringContaining('unused.yaml is not valid: 1 warning'),
    })
  })

  it('takes variables from a file, or leaves open what they are', () => {
    writeFileSync(join(directory, 'open.yaml'), ECHO.replace('port: 0', 'port: "$${{env.ZILLA_TEST_PORT}}"'))
    writeFileSync(join(directory, 'good.env'), '# ports\nZILLA_TEST_PORT="7183"\n')
    writeFileSync(join(directory, 'bad.env'), 'ZILLA_TEST_PORT=hidden-value\n')
    expect(zilla('validate', 'open.yaml')).toMatchObject({ code: 1, out: expect.stringContaining('ZC0151') })
    expect(zilla('validate', '--allow-unset-env', 'open.yaml')).toMatchObject({ code: 0, out: 'open.yaml is valid\n' })
    expect(zilla('validate', '--env', 'good.env', 'open.yaml').code).toBe(0)
    const { code, out } = zilla('validate', '--env', 'bad.env', 'open.yaml')
    expect(code).toBe(1)
    expect(out).toContain('found the value of ${{env.ZILLA_TEST_PORT}}')
    expect(out).not.toContain('hidden-value')
  })

  it('prints JSON for programs', () => {
    const { code, out } = zilla('validate', '--format', 'json', 'good.yaml', 'bad.yaml')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toEqual({
      version: 1,
      valid: false,
      problems: [
        {
          file: 'bad.yaml',
          line: 3,
          column: FAULTY_COLUMN,
          endLine: 3,
          endColumn: FAULTY_COLUMN + 'exti'.length,
          pointer: '/bindings/north/exti',
          code: 'ZC0201',
          name: 'unknown-property',
          severity: 'error',
          message: '`exti` is unknown here; did you mean `exit`?',
          hint: null,
          suggestion: 'exit',
          excerpt: FAULTY_LINE,
        },
      ],
    })
  })

  it('prints SARIF, and annotations of GitHub', () => {
    const sarif = JSON.parse(zilla('validate', '--format', 'sarif', 'bad.yaml').out) as Log
    expect(sarif.runs[0]?.results).toHaveLength(1)
    expect(zilla('validate', '--format', 'github', 'bad.yaml').out).toMatch(
      /^::error file=bad\.yaml,line=3,col=\d+,endColumn=\d+,title=ZC0201 unknown-property::`exti` is unknown/,
    )
    expect(zilla('validate', '--format', 'github', 'good.yaml')).toEqual({ code: 0, out: '', err: '' })
  })

  it('names the place where a file is not UTF-8', () => {
    writeFileSync(join(directory, 'latin1.yaml'), Buffer.from('name: x\nbindings:\n  caf\xe9: 1\n', 'latin1'))
    const { code, out } = zilla('validate', 'latin1.yaml')
    expect(code).toBe(1)
    expect(out).toContain('latin1.yaml:3:6 error ZC0102 not-utf8  cannot read latin1.yaml: it is not UTF-8 text')
  })

  it.each([
    [['none.yaml', 'good.yaml'], 'none.yaml: there is no such file'],
    [['.'], 'cannot read .: it is a folder'],
  ])('%j cannot be checked, whatever else is', (args, reason) => {
    const { code, out } = zilla('validate', ...args)
    expect(code).toBe(2)
    expect(out).toContain(reason)
  })

  it.each([
    [['x*.yaml'], 'no file matches x*.yaml'],
    [['--env', 'none.env', 'good.yaml'], 'cannot read none.env: there is no such file'],
    [['--format', 'xml'], 'Allowed choices are human, json, sarif, github.'],
    [['--bogus'], "unknown option '--bogus'"],
  ])('%j is refused with one line', (args, reason) => {
    const { code, out, err } = zilla('validate', ...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(reason)
    expect(err.trim().split('\n')).toHaveLength(1)
  })
})

describe('password', () => {
  const line = (file: string): string => readFileSync(join(directory, file), 'utf8')

  it('writes a user whose password is read from the standard input', () => {
    const { code, out, err } = zillaReading('hunter2\n', 'password', 'alice', '--roles', 'mqtt:stream,admin')
    expect({ code, out, err }).toEqual({ code: 0, out: 'alice is added to passwords\n', err: '' })
    expect(line('passwords')).toMatch(/^alice:\$scrypt\$[^:]*:mqtt:stream,admin\n$/)
    const before = line('passwords')
    expect(zillaReading('hunter3\r\nmore', 'password', 'alice', '-f', 'passwords').out).toBe(
      'alice is changed in passwords\n',
    )
    expect(line('passwords')).toMatch(/^alice:\$scrypt\$[^:]*:mqtt:stream,admin\n$/)
    expect(line('passwords')).not.toBe(before)
    expect(zillaReading('hunter4', 'password', 'alice', '--roles', '').code).toBe(0)
    expect(line('passwords')).toMatch(/^alice:[^:]*\n$/)
  })

  it.each([
    ['', ['alice'], 'no password was given'],
    ['\n', ['alice'], 'the password is empty'],
    ['hunter2\n', ['a:b'], 'a name may have no colon and no control characters, and must not begin with #'],
    [
      'hunter2\n',
      ['alice', '-f', 'good.yaml'],
      'good.yaml, line 1: the hash is not of the form $scrypt$ln=…,r=…,p=…$salt$hash',
    ],
    ['hunter2\n', ['alice', '-f', '.'], 'cannot read .: it is a folder'],
    ['hunter2\n', ['alice', '-f', 'none/passwords'], 'cannot write none/passwords: there is no such folder'],
  ])('given %j for %j says one line', (input, args, message) => {
    const { code, out, err } = zillaReading(input, 'password', ...args)
    expect({ code, out, err }).toEqual({ code: 1, out: '', err: `zilla-ts: ${message}\n` })
  })
})

describe('schema', () => {
  it('prints what is committed', () => {
    const committed = readFileSync(new URL('../../../schemas/zilla.schema.json', import.meta.url), 'utf8')
    expect(zilla('schema')).toEqual({ code: 0, out: committed, err: '' })
  })
})

describe('a start that fails', () => {
  let taken: Server

  beforeAll(async () => {
    taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    writeFileSync(join(directory, 'taken.yaml'), ECHO.replace('port: 0', `port: ${port}`))
  })

  afterAll(() => taken.close())

  it.each([
    [['-c', 'none.yaml'], 'zilla-ts: cannot read none.yaml: there is no such file'],
    [['-c', 'bad.yaml'], 'zilla-ts: bad.yaml is not valid: 1 error'],
    [['-c', 'empty.yaml'], 'zilla-ts: empty.yaml has no bindings: there is nothing to run'],
    [['-c', 'embedded.yaml', '-w', '2'], 'zilla-ts: -w 2 is not possible: example:log (kafka-embedded)'],
    [
      ['-c', 'good.yaml', '-P', 'zilla.binding.mqtt.connect.timeout=no'],
      'connect.timeout=no: the value must be a whole',
    ],
    [['-c', 'taken.yaml'], 'zilla-ts: example:north: cannot listen on 127.0.0.1:'],
    [['-c', 'taken.yaml', '-w', '2'], 'zilla-ts: example:north: cannot listen on 127.0.0.1:'],
  ])('%j ends with one clear line', (args, reason) => {
    const { code, err } = zilla('start', ...args)
    expect(code).toBe(1)
    expect(err.trim().split('\n').at(-1)).toContain(reason)
    expect(err).not.toContain('    at ')
  })

  it.each([[[]], [['-w', '2']]])('-e %j adds a stack trace', (args) => {
    const { code, err } = zilla('start', '-c', 'taken.yaml', '-e', ...args)
    expect(code).toBe(1)
    expect(err).toContain('EADDRINUSE')
    expect(err).toContain('    at ')
  })
})

describe('start', () => {
  const started = (...args: string[]): Promise<EngineProcess> => startedWith(ECHO, ...args)

  async function startedWith(document: string, ...args: string[]): Promise<EngineProcess> {
    const engine = await EngineProcess.start({ document, args })
    defer(async () => {
      await engine.kill()
      engine.remove()
    })
    return engine
  }

  const events = (engine: EngineProcess): string[] =>
    engine.output
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [(JSON.parse(line) as { event: string }).event] : []))

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    const engine = await started()
    engine.signal(signal)
    expect(await engine.exited()).toBe(0)
    expect(events(engine)).toEqual(['LISTENING', 'STOPPING', 'STOPPED'])
  })

  it('takes what comes twice at once for one signal, as under npm', async () => {
    const engine = await started()
    engine.signal('SIGINT')
    engine.signal('SIGINT')
    engine.signal('SIGTERM')
    expect(await engine.exited()).toBe(0)
  })

  it('lets connections finish, but ends at once on a second signal', async () => {
    const engine = await started()
    const socket = connect(engine.port, '127.0.0.1')
    socket.on('error', () => {})
    defer(() => socket.destroy())
    socket.write('x')
    await once(socket, 'data')
    engine.signal('SIGTERM')
    await vi.waitFor(() => expect(events(engine)).toContain('STOPPING'), 20_000)
    const again = setInterval(() => engine.signal('SIGTERM'), 50)
    defer(() => clearInterval(again))
    expect(await engine.exited()).toBe(128 + 15)
  })

  it('logs the configuration in effect on -v', async () => {
    const engine = await started('-v', '-P', 'zilla.engine.service.hostname=localhost', '-P', 'c')
    expect(events(engine)).toContain('CONFIGURATION')
    expect(engine.output).toContain('warning: the property zilla.engine.service.hostname has no effect here\n')
    expect(engine.output).toContain('warning: the property c is unknown and has no effect')
  })

  it('hides secrets of guards on -v', async () => {
    const guard = 'g: { type: inline, options: { identity: bridge, credentials: hunter2 } }'
    const engine = await startedWith(`${ECHO}guards: { ${guard} }\n`, '-v')
    expect(events(engine)).toContain('CONFIGURATION')
    expect(engine.output).toContain('bridge')
    expect(engine.output).toContain('***')
    expect(engine.output).not.toContain('hunter2')
  })

  it('runs several workers on one port, and replaces one that dies', async () => {
    const engine = await started('-w', '2')
    expect(events(engine)).toEqual(['LISTENING'])
    const [worker] = childrenOf(engine.pid)
    process.kill(worker!, 'SIGKILL')
    await vi.waitFor(() => expect(events(engine)).toContain('WORKER_DIED'), 20_000)
    await vi.waitFor(() => expect(childrenOf(engine.pid)).toHaveLength(2), 20_000)
    engine.signal('SIGTERM')
    expect(await engine.exited()).toBe(0)
  })
})

describe('graph, diff, explain and schema', () => {
  it('end with 2 and the reason when they cannot do their work', () => {
    for (const args of [
      ['graph', 'bad.yaml'],
      ['diff', 'good.yaml', 'bad.yaml'],
    ]) {
      const { code, out, err } = zilla(...args)
      expect({ args, code, out }).toEqual({ args, code: 2, out: '' })
      expect(err).toContain('did you mean `exit`?')
      expect(err).toMatch(/\nzilla-ts: bad\.yaml is not valid: 1 error\n$/)
    }
    for (const args of [
      ['schema', '-m', './none.mjs'],
      ['validate', '-m', './none.mjs', 'good.yaml'],
    ]) {
      expect(zilla(...args)).toEqual({
        code: 2,
        out: '',
        err: 'zilla-ts: --module ./none.mjs: there is no such file\n',
      })
    }
    expect(zilla('explain', 'option', 'mqtt.option').code).toBe(2)
  })

  it('print what they found', () => {
    expect(zilla('graph', 'good.yaml').out).toMatch(/^north \(tcp server\)\n {2}→ echo\n/)
    expect(zilla('graph', '--format', 'dot', 'good.yaml').out).toMatch(/^digraph zilla \{\n/)
    expect(zilla('diff', 'good.yaml', 'good.yaml')).toEqual({ code: 0, out: 'no difference\n', err: '' })
    expect(zilla('diff', 'good.yaml', 'empty.yaml').code).toBe(1)
    expect(zilla('explain', 'option', 'tcp.options.host').out).toMatch(/^binding tcp: options\.host\n/)
  })
})

describe('a module of another package', () => {
  it('runs, in workers too', async () => {
    const example = fileURLToPath(new URL('../../../examples/tcp.uppercase/', import.meta.url))
    const document = ECHO.replace('type: echo', 'type: uppercase')
    const engine = await EngineProcess.start({
      document,
      args: ['-w', '2', '--module', join(example, 'uppercase.mjs')],
    })
    defer(async () => {
      expect(await engine.stop(), engine.output).toBe(0)
      engine.remove()
    })
    const socket = connect(engine.port, '127.0.0.1')
    socket.end('shout')
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toBe('SHOUT')
  })

  it('that is not right ends the start with one line', () => {
    expect(zilla('start', '-c', 'good.yaml', '-m', 'good.yaml')).toMatchObject({ code: 1, out: '' })
    expect(zilla('start', '-c', 'good.yaml', '-m', './none.mjs').err).toBe(
      'zilla-ts: --module ./none.mjs: there is no such file\n',
    )
  })
})
