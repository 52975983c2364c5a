/**
 * Runs one binding alone, on real streams: the test plays the neighbours on both sides. Used by the tests of every
 * binding package.
 */

import type { Socket } from 'node:net'
import {
  type Binding,
  type BindingConfig,
  type BindingContext,
  type BindingModule,
  type Catalog,
  type Clock,
  type Counter,
  createRegistry,
  type Exit,
  type Guard,
  type Kind,
  type Protocol,
  type Reporter,
  type Session,
  Side,
  type Stream,
  type StreamError,
  type StreamHandler,
  type Taken,
  type Vault,
} from '@zilla-ts/engine'

/** Collects what a binding reports. `faults` must be empty at the end of a test that expects none. */
export class TestReporter implements Reporter {
  readonly events: { level: string; event: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  readonly faults: { where: string; error: unknown }[] = []
  readonly counters = new Map<string, Counter>()

  event(level: string, event: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.events.push({ level, event, message, fields })
  }

  counter(name: string): Counter {
    let counter = this.counters.get(name)
    if (counter === undefined) {
      counter = { value: 0 }
      this.counters.set(name, counter)
    }
    return counter
  }

  readonly fault = (where: string, error: unknown): void => {
    this.faults.push({ where, error })
  }
}

/** A handler that remembers every call, in order. */
export class Recorder<P extends Protocol> implements StreamHandler<P> {
  /** set by whoever connects or accepts */
  stream: Stream<P> | null = null
  readonly accepts: P['accept'][] = []
  /** payloads are copied */
  readonly data: { payload: Buffer; meta: P['meta']; cost: number }[] = []
  readonly signals: P['signal'][] = []
  readonly acks: { through: number; refused?: StreamError }[] = []
  writables = 0
  ended = false
  aborted: StreamError | null = null
  /** grants what each write cost at once, so that the peer never stalls; switch off to test back-pressure */
  refill: boolean

  constructor(refill = true) {
    this.refill = refill
  }

  onAccept(info: P['accept']): void {
    this.accepts.push(info)
  }
  onData(payload: Buffer, meta: P['meta'], cost: number): void {
    this.data.push({ payload: Buffer.from(payload), meta, cost })
    if (this.refill) this.stream?.grant(cost)
  }
  onSignal(signal: P['signal']): void {
    this.signals.push(signal)
  }
  onWritable(): void {
    this.writables++
  }
  onAck(through: number, refused?: StreamError): void {
    this.acks.push(refused === undefined ? { through } : { through, refused })
  }
  onEnd(): void {
    this.ended = true
  }
  onAbort(error: StreamError): void {
    this.aborted = error
  }
}

/** The next hop, played by the test: what the binding opens lands in `opened`. */
export class TestExit<P extends Protocol> implements Exit<P> {
  readonly name: string
  readonly opened: { open: P['open']; session: Session | null; stream: Stream<P>; recorder: Recorder<P> }[] = []
  /** called for each open, inside `connect`; return false to refuse, grant or accept on the stream as needed */
  onOpen: (open: P['open'], stream: Stream<P>, recorder: Recorder<P>) => boolean = () => true
  onDial: (open: P['open']) => Socket | null = () => null
  /** `streams`: sockets are not taken */
  onTake: (socket: Socket, open: P['open'], session: Session | null) => Taken = () => 'streams'
  readonly #reporter: TestReporter

  constructor(name: string, reporter: TestReporter) {
    this.name = name
    this.#reporter = reporter
  }

  connect(open: P['open'], session: Session | null, handler: StreamHandler<P>): Stream<P> | null {
    return Side.connect<P>(
      open,
      session,
      handler,
      (what, stream) => {
        const recorder = new Recorder<P>()
        recorder.stream = stream
        if (!this.onOpen(what, stream, recorder)) return null
        this.opened.push({ open: what, session, stream, recorder })
        return recorder
      },
      { initiator: 'binding', acceptor: this.name },
      this.#reporter.fault,
    )
  }

  dial(open: P['open']): Socket | null {
    return this.onDial(open)
  }

  take(socket: Socket, open: P['open'], session: Session | null): Taken {
    return this.onTake(socket, open, session)
  }
}

export interface HarnessOptions<C extends BindingConfig, Out extends Protocol> {
  readonly kind: Kind
  /** as in a document: defaults are filled in */
  readonly options?: Partial<NonNullable<C['options']>>
  readonly routes?: BindingContext<C, Out>['routes']
  readonly clock: Clock
  readonly directory?: string
  readonly properties?: ReadonlyMap<string, string>
  readonly guards?: Readonly<Record<string, Guard>>
  readonly catalogs?: Readonly<Record<string, Catalog>>
  readonly vault?: Vault
}

/** One attached binding, its reporter and its one default exit. */
export class Harness<C extends BindingConfig, In extends Protocol, Out extends Protocol> {
  readonly reporter = new TestReporter()
  readonly exit = new TestExit<Out>('exit', this.reporter)
  readonly binding: Binding<In>

  constructor(module: BindingModule<C, In, Out>, options: HarnessOptions<C, Out>) {
    this.binding = module.attach({
      namespace: 'test',
      name: 'binding',
      kind: options.kind,
      options: withDefaults(module, options.kind, options.options),
      routes: options.routes ?? [{ when: [], with: undefined, exit: this.exit, permits: () => true }],
      directory: options.directory ?? '.',
      properties: options.properties ?? new Map(),
      guard: (name) => {
        const guard = options.guards?.[name]
        if (guard === undefined) throw new Error(`no guard ${name} in this test`)
        return guard
      },
      vault: options.vault ?? null,
      catalog: (name) => {
        const catalog = options.catalogs?.[name]
        if (catalog === undefined) throw new Error(`no catalog ${name} in this test`)
        return catalog
      },
      clock: options.clock,
      report: this.reporter,
    })
  }

  /** Opens a stream to the binding; null: refused. */
  connect(open: In['open'], handler: Recorder<In>, session: Session | null = null): Stream<In> | null {
    const stream = Side.connect<In>(
      open,
      session,
      handler,
      (what, side) => this.binding.accept?.(what, side) ?? null,
      { initiator: 'test', acceptor: 'binding' },
      this.reporter.fault,
    )
    handler.stream = stream
    return stream
  }
}

/** Options as the engine would hand them over. */
function withDefaults<C extends BindingConfig, In extends Protocol, Out extends Protocol>(
  module: BindingModule<C, In, Out>,
  kind: Kind,
  options: Partial<NonNullable<C['options']>> = {},
): NonNullable<C['options']> {
  const entry = { type: module.type, kind, options: { ...options } as NonNullable<C['options']> }
  const known = module as unknown as BindingModule
  createRegistry({ bindings: [known] })
    .validator(known)
    .validate(entry)
  return entry.options
}
