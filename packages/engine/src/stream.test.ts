import { describe, expect, it } from 'vitest'
import { type Protocol, type Stream, StreamError, type StreamHandler } from './contract.ts'
import { MESSAGE_COST, Side } from './stream.ts'

interface Text extends Protocol {
  open: string
  accept: number
  meta: string
  signal: string
}

/** Remembers calls as words, and may act on them. */
class Probe implements StreamHandler<Text> {
  readonly calls: string[] = []
  stream!: Stream<Text>
  on: Partial<Record<string, () => void>> = {}
  #say(call: string): void {
    this.calls.push(call)
    this.on[call.split(' ')[0]!]?.()
  }
  onAccept(info: number) {
    this.#say(`accept ${info}`)
  }
  onData(payload: Buffer, meta: string, cost: number) {
    this.#say(`data ${payload} ${meta} ${cost}`)
  }
  onSignal(signal: string) {
    this.#say(`signal ${signal}`)
  }
  onWritable() {
    this.#say('writable')
  }
  onAck(through: number, refused?: StreamError) {
    this.#say(refused === undefined ? `ack ${through}` : `ack ${through} ${refused.code}`)
  }
  onEnd() {
    this.#say('end')
  }
  onAbort(error: StreamError) {
    this.#say(`abort ${error.code} ${error.message}`)
  }
}

function open(accept?: (stream: Stream<Text>) => void) {
  const near = new Probe()
  const far = new Probe()
  const faults: string[] = []
  const stream = Side.connect<Text>(
    'hello',
    null,
    near,
    (what, side) => {
      far.calls.push(`open ${what}`)
      far.stream = side
      accept?.(side)
      return far
    },
    { initiator: 'near', acceptor: 'far' },
    (where, error) => faults.push(`${where}: ${(error as Error).message}`),
  )
  near.stream = stream!
  return { near, far, faults }
}

const bytes = (text: string) => Buffer.from(text)

describe('connect', () => {
  it('hands over the open and lets the acceptor accept and grant at once', () => {
    const { near, far } = open((side) => {
      side.accept(7)
      side.grant(100)
    })
    expect(far.calls).toEqual(['open hello'])
    // The room is seen in `writable`; nobody is called back for it.
    expect(near.calls).toEqual(['accept 7'])
    expect(near.stream.writable).toBe(true)
    expect(near.stream.credit).toBe(100)
  })

  it('is null when the acceptor refuses or throws', () => {
    const faults: string[] = []
    const report = (where: string) => faults.push(where)
    const names = { initiator: 'near', acceptor: 'far' }
    expect(Side.connect<Text>('x', null, new Probe(), () => null, names, report)).toBeNull()
    const throwing = () => {
      throw new Error('bug')
    }
    expect(Side.connect<Text>('x', null, new Probe(), throwing, names, report)).toBeNull()
    expect(faults).toEqual(['far.accept'])
  })

  it('accepts once, and only by the acceptor', () => {
    const { near, far } = open((side) => side.accept(1))
    expect(() => far.stream.accept(2)).toThrow('accept called twice')
    expect(() => near.stream.accept(2)).toThrow('by the initiator')
  })
})

describe('credit', () => {
  it('permits nothing before a grant, and one whole message for any positive credit', () => {
    const { near, far } = open()
    expect(near.stream.writable).toBe(false)
    expect(() => near.stream.write(bytes('a'), 'm')).toThrow('without credit')
    far.stream.grant(1)
    expect(near.calls).toEqual(['writable'])
    expect(near.stream.write(bytes('abc'), 'm')).toBe(false)
    expect(far.calls).toEqual(['open hello', `data abc m ${3 + MESSAGE_COST}`])
    expect(near.stream.credit).toBe(1 - 3 - MESSAGE_COST)
  })

  it('calls onWritable only when the debt is paid', () => {
    const { near, far } = open((side) => side.grant(1))
    near.stream.write(bytes('abc'), 'm')
    far.stream.grant(3 + MESSAGE_COST - 1)
    expect(near.calls).toEqual([])
    far.stream.grant(1)
    expect(near.calls).toEqual(['writable'])
    far.stream.grant(10)
    expect(near.calls).toEqual(['writable'])
  })

  it('tells a grant during a write by the result, not by a call', () => {
    const { near, far } = open((side) => side.grant(1))
    far.on['data'] = () => far.stream.grant(MESSAGE_COST + 3)
    expect(near.stream.write(bytes('abc'), 'm')).toBe(true)
    expect(near.calls).toEqual([])
  })

  it('lets both directions flow inside each other', () => {
    const { near, far } = open((side) => side.grant(1_000))
    near.stream.grant(1_000)
    far.on['data'] = () => {
      if (far.calls.length < 4) far.stream.write(bytes('pong'), 'p')
    }
    near.stream.write(bytes('ping'), 'q')
    expect(near.calls).toEqual(['data pong p 68'])
  })
})

describe('acks and signals', () => {
  it('carries them both ways without credit', () => {
    const { near, far } = open()
    far.stream.ack(3)
    far.stream.ack(4, new StreamError('too-large', 'x'))
    far.stream.signal('s1')
    near.stream.signal('s2')
    expect(near.calls).toEqual(['ack 3', 'ack 4 too-large', 'signal s1'])
    expect(far.calls).toEqual(['open hello', 'signal s2'])
  })
})

describe('the end', () => {
  it('closes halves one after the other; acks flow in between', () => {
    const { near, far } = open((side) => side.grant(100))
    near.stream.end()
    expect(near.stream.writable).toBe(false)
    expect(() => near.stream.write(bytes('a'), 'm')).toThrow('after end')
    far.stream.ack(1)
    far.stream.end()
    expect(near.calls).toEqual(['ack 1', 'end'])
    expect(near.stream.closed && far.stream.closed).toBe(true)
    far.stream.ack(2)
    far.stream.abort(new StreamError('closed', 'late'))
    expect(near.calls).toEqual(['ack 1', 'end'])
  })

  it('survives an end answered from inside onEnd', () => {
    const { near, far } = open()
    far.on['end'] = () => far.stream.end()
    near.stream.end()
    expect(near.calls).toEqual(['end'])
    expect(near.stream.closed).toBe(true)
  })

  it('aborts the peer once, never the caller', () => {
    const { near, far } = open()
    near.stream.abort(new StreamError('timeout', 'too long'))
    near.stream.abort(new StreamError('timeout', 'again'))
    expect(near.calls).toEqual([])
    expect(far.calls).toEqual(['open hello', 'abort timeout too long'])
    expect(far.stream.write(bytes('a'), 'm')).toBe(false)
  })
})

describe('a handler that throws', () => {
  it.each(['data', 'signal', 'ack', 'writable', 'end'])('in %s ends its own stream, with both sides told', (call) => {
    const { near, far, faults } = open()
    near.stream.grant(100)
    far.stream.grant(100)
    near.on[call] = () => {
      throw new Error('bug')
    }
    if (call === 'data') far.stream.write(bytes('a'), 'm')
    if (call === 'signal') far.stream.signal('s')
    if (call === 'ack') far.stream.ack(1)
    if (call === 'end') far.stream.end()
    if (call === 'writable') {
      near.stream.write(Buffer.alloc(200), 'm')
      far.stream.grant(1_000)
    }
    expect(faults).toEqual([`near.on${call[0]!.toUpperCase()}${call.slice(1)}: bug`])
    expect(near.calls.at(-1)).toBe('abort internal bug')
    expect(far.calls.at(-1)).toBe('abort internal bug')
    expect(near.stream.closed && far.stream.closed).toBe(true)
  })

  it('in onAbort is reported and stops there', () => {
    const { near, far, faults } = open()
    far.on['abort'] = () => {
      throw new Error('bug')
    }
    near.stream.abort(new StreamError('closed', 'gone'))
    expect(faults).toEqual(['far.onAbort: bug'])
  })
})
