import { Socket } from 'node:net'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { loadConfig } from './config/load.ts'
import { createRegistry } from './config/registry.ts'
import type {
  Binding,
  BindingContext,
  BindingModule,
  CatalogModule,
  GuardModule,
  Protocol,
  Session,
  StreamError,
  StreamHandler,
} from './contract.ts'
import { createEngine } from './engine.ts'

type Context = BindingContext<{ options: { fail?: string } }, Protocol>

const schema = {
  type: 'object',
  required: ['type', 'kind'],
  properties: {
    type: {},
    kind: {},
    options: { type: 'object', default: {}, properties: { fail: { type: 'string' } } },
    routes: { type: 'array', items: { type: 'object', properties: { guarded: { $ref: 'zilla:guarded' } } } },
    exit: { $ref: 'zilla:exit' },
  },
}

/** An engine of bindings that write down what happens to them. */
function engine(yaml: string) {
  const log: string[] = []
  const contexts = new Map<string, Context>()
  const binding = (context: Context): Binding<Protocol> => {
    const say = (step: string) => {
      log.push(`${step} ${context.name}`)
      if (context.options.fail === step) throw new Error(`${step} failed`)
    }
    contexts.set(context.name, context)
    say('attach')
    return {
      accept: (open, stream) => {
        if (open === 'refuse') return null
        stream.grant(1_000)
        return handler(context.name)
      },
      // Only the last binding owns sockets.
      ...(context.name === 'c' && {
        take: (_socket: Socket, open: unknown) => {
          if (open === 'bug') throw new Error('bug')
          return open === 'refuse' ? 'refused' : 'taken'
        },
      }),
      start: async () => say('start'),
      drain: () => {
        say('drain')
        return context.options.fail === 'hang' ? new Promise(() => {}) : Promise.resolve()
      },
      stop: async () => say('stop'),
      addresses: () => [{ host: '127.0.0.1', port: context.name.length }],
    }
  }
  const handler = (name: string): StreamHandler<Protocol> => ({
    onData: (payload) => {
      log.push(`${name} got ${payload}`)
      if (String(payload) === 'bug') throw new Error('bug')
    },
    onEnd: () => log.push(`${name} ended`),
    onAbort: (error) => log.push(`${name} aborted ${error.code}`),
  })
  const module = (type: string, accepts?: string, produces?: string): BindingModule =>
    ({ type, kinds: { server: { accepts, produces, exitOptional: true } }, schema, attach: binding }) as never
  const guard: GuardModule = {
    type: 'fake',
    schema: { type: 'object', properties: { type: {} } },
    attach: ({ name }) => ({
      authorize: async () => null,
      permits: (session, roles) => roles.every((role) => session.roles.includes(role)),
      start: async () => {
        log.push(`start guard ${name}`)
      },
    }),
  }
  const catalog: CatalogModule = {
    type: 'fake',
    schema: { type: 'object', properties: { type: {}, options: { type: 'object' } } },
    attach: ({ name, options }) => ({
      schema: (subject, version) => `${name} ${subject} ${version}`,
      start: async () => {
        log.push(`start catalog ${name}`)
        if (options !== undefined && 'fail' in (options as object)) throw new Error('no such file')
      },
      stop: async () => {
        log.push(`stop catalog ${name}`)
      },
    }),
  }
  const registry = createRegistry({
    bindings: [module('first', undefined, 'x'), module('middle', 'x', 'x'), module('last', 'x')],
    guards: [guard],
    catalogs: [catalog],
  })
  const { problems, namespaces } = loadConfig({ text: yaml, file: 'zilla.yaml', registry, environment: {} })
  expect(problems.filter(({ level }) => level === 'error')).toEqual([])
  const lines: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const running = createEngine({ registry, configs: namespaces, directory: '.', properties: new Map(), logger })
  return { engine: running, log, contexts, lines }
}

const CHAIN = `
name: test
bindings:
  a: { type: first, kind: server, exit: b }
  b: { type: middle, kind: server, exit: c }
  c: { type: last, kind: server }
`

describe('lifecycle', () => {
  it('attaches and starts last hop first, drains and stops first hop first', async () => {
    const { engine: running, log } = engine(CHAIN)
    await running.start()
    expect(log.splice(0)).toEqual(['attach c', 'attach b', 'attach a', 'start c', 'start b', 'start a'])
    expect(running.addresses().map(({ binding }) => binding)).toEqual(['test:c', 'test:b', 'test:a'])
    await Promise.all([running.stop({ deadlineMs: 1_000 }), running.stop({ deadlineMs: 1_000 })])
    expect(log).toEqual(['drain a', 'drain b', 'drain c', 'stop a', 'stop b', 'stop c'])
  })

  it('undoes everything when a start fails, naming the binding and the cause', async () => {
    const { engine: running, log } = engine(CHAIN.replace('exit: c', 'exit: c, options: { fail: start }'))
    await expect(running.start()).rejects.toThrow('test:b: start failed')
    expect(log.slice(3)).toEqual(['start c', 'start b', 'stop a', 'stop b', 'stop c'])
  })

  it('names the binding whose attach fails', async () => {
    const { engine: running } = engine(CHAIN.replace('exit: c', 'exit: c, options: { fail: attach }'))
    await expect(running.start()).rejects.toThrow('test:b: attach failed')
  })

  it('goes on when a binding cannot stop', async () => {
    const { engine: running, log, lines } = engine(CHAIN.replace('exit: c', 'exit: c, options: { fail: stop }'))
    await running.start()
    await running.stop({ deadlineMs: 1_000 })
    expect(log.slice(-3)).toEqual(['stop a', 'stop b', 'stop c'])
    expect(lines.join()).toContain('stop failed')
  })

  it('stops waiting for a drain at its deadline', async () => {
    const { engine: running, log } = engine(CHAIN.replace('exit: c', 'exit: c, options: { fail: hang }'))
    await running.start()
    await running.stop({ deadlineMs: 20 })
    expect(log.at(-1)).toBe('stop c')
  })
})

describe('exits', () => {
  const peer = (calls: string[]): StreamHandler<Protocol> => ({
    onData: () => {},
    onEnd: () => {},
    onAbort: (error: StreamError) => calls.push(`abort ${error.code}`),
  })

  it('connect to the binding they name, which may refuse', async () => {
    const { engine: running, contexts, log } = engine(CHAIN)
    await running.start()
    const exit = contexts.get('a')!.routes[0]!.exit!
    expect(exit.name).toBe('test:b')
    expect(exit.connect('refuse', null, peer([]))).toBeNull()
    const stream = exit.connect('hello', null, peer([]))!
    stream.end()
    expect(log.at(-1)).toBe('b ended')
    expect(exit.dial('hello', null)).toBeNull()
    await running.stop({ deadlineMs: 1_000 })
  })

  it('hand over sockets to bindings that own them, whose faults they contain', async () => {
    const { engine: running, contexts, lines } = engine(CHAIN)
    await running.start()
    const [toB, toC] = ['a', 'b'].map((name) => contexts.get(name)!.routes[0]!.exit!)
    const socket = new Socket()
    expect(toB!.take(socket, 'hello', null)).toBe('streams')
    expect(['hello', 'refuse', 'bug'].map((open) => toC!.take(socket, open, null))).toEqual([
      'taken',
      'refused',
      'refused',
    ])
    expect(lines.filter((line) => line.includes('ENGINE_FAULT'))).toHaveLength(1)
    await running.stop({ deadlineMs: 1_000 })
  })

  it('contain a fault in one stream', async () => {
    const { engine: running, contexts, log, lines } = engine(CHAIN)
    await running.start()
    const { exit } = contexts.get('b')!.routes[0]!
    const calls: string[] = []
    const [healthy, faulty] = [exit!.connect('1', null, peer(calls))!, exit!.connect('2', null, peer(calls))!]
    faulty.write(Buffer.from('bug'), undefined)
    healthy.write(Buffer.from('fine'), undefined)
    expect(log.slice(-3)).toEqual(['c got bug', 'c aborted internal', 'c got fine'])
    expect(calls).toEqual(['abort internal'])
    expect(lines.join()).toContain('ENGINE_FAULT')
    await running.stop({ deadlineMs: 1_000 })
  })
})

describe('guarded routes', () => {
  it('permit only sessions of every guard with every role', async () => {
    const { engine: running, contexts } = engine(`
name: test
guards:
  g: { type: fake }
bindings:
  a:
    type: first
    kind: server
    routes:
      - { exit: c, guarded: { g: [read, write] } }
      - { exit: c, guarded: {} }
  c: { type: last, kind: server }
`)
    await running.start()
    const [guarded, open] = contexts.get('a')!.routes
    const session = (guard: string, ...roles: string[]): Session => ({
      guard,
      earlier: null,
      identity: 'i',
      roles,
      attributes: {},
      expiresAt: null,
    })
    expect(guarded!.permits(null)).toBe(false)
    expect(guarded!.permits(session('test:g', 'read'))).toBe(false)
    expect(guarded!.permits(session('other:g', 'read', 'write'))).toBe(false)
    expect(guarded!.permits(session('test:g', 'read', 'write', 'more'))).toBe(true)
    expect(open!.permits(null)).toBe(true)
    await running.stop({ deadlineMs: 1_000 })
  })
})

describe('catalogs', () => {
  const WITH_CATALOG = `${CHAIN}catalogs:
  schemas: { type: fake }
`

  it('start after guards and before every binding, and stop last', async () => {
    const { engine: running, log } = engine(`${WITH_CATALOG}guards:
  g: { type: fake }
`)
    await running.start()
    expect(log.splice(0)).toEqual([
      ...['attach c', 'attach b', 'attach a'],
      ...['start guard g', 'start catalog schemas', 'start c', 'start b', 'start a'],
    ])
    await running.stop({ deadlineMs: 1_000 })
    expect(log.slice(-2)).toEqual(['stop c', 'stop catalog schemas'])
  })

  it('are found by bindings, by name and by qualified name', async () => {
    const { engine: running, contexts } = engine(WITH_CATALOG)
    await running.start()
    const { catalog } = contexts.get('a')!
    expect(catalog('schemas').schema('s', '1')).toBe('schemas s 1')
    expect(catalog('test:schemas')).toBe(catalog('schemas'))
    expect(() => catalog('other')).toThrow('catalog other is not known')
    await running.stop({ deadlineMs: 1_000 })
  })

  it('end the start when they cannot be read, by name', async () => {
    const { engine: running, log } = engine(WITH_CATALOG.replace('fake }', 'fake, options: { fail: true } }'))
    await expect(running.start()).rejects.toThrow('test:schemas: no such file')
    expect(log).not.toContain('start c')
  })
})
