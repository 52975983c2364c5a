/**
 * The whole interface between the engine and a binding, and between two bindings. It imports nothing of the engine but
 * the words of `explain`, so that a reader can learn it alone. Streams are in-process and synchronous: no call here returns a promise on the
 * path of a message.
 */
import type { Socket } from 'node:net'
import type { ExplainedDemand, Explanation, Inquiry } from './explanation.ts'

/** The vocabulary two neighbouring bindings share. Each protocol package exports exactly one, in its `stream.ts`. */
export interface Protocol {
  /** initiator → acceptor, once: "publish as client-1", "fetch topic t from 5" */
  open: unknown
  /** acceptor → initiator, at most once: negotiated limits, partition list */
  accept: unknown
  /** rides with each payload: topic and QoS, or key, headers and offset */
  meta: unknown
  /** no payload, costs no credit: filters changed, end of log reached */
  signal: unknown
}

/**
 * Why a stream ended before its time, in words every protocol can translate.
 * - `refused` not acceptable here (no route, wrong state); `invalid` malformed or illegal content
 * - `not-authorized` permission is missing; `not-found` the named thing does not exist
 * - `too-large` a size limit; `quota` a count or rate limit; `unavailable` cannot now, may work later
 * - `timeout` a deadline passed, the outcome is unknown; `shutdown` the engine or binding stops
 * - `taken-over` another stream owns this session now; `closed` the peer is gone; `internal` a fault of ours
 */
export type ErrorCode =
  | 'refused'
  | 'invalid'
  | 'not-authorized'
  | 'not-found'
  | 'too-large'
  | 'quota'
  | 'unavailable'
  | 'timeout'
  | 'shutdown'
  | 'taken-over'
  | 'closed'
  | 'internal'

/**
 * The only kind of error that travels on streams. `message` is written for operators; it names the thing at fault. It has
 * no stack: it is a value, made for every connection that ends, and collecting a stack would cost more than the rest of
 * that; a fault of ours is its `cause`.
 */
export class StreamError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message, options)
    Error.stackTraceLimit = limit
    this.name = 'StreamError'
    this.code = code
  }
}

/** What a peer showed to be let in. Secret: neither logged nor kept longer than needed. */
export interface Credentials {
  /** token, password, or certificate chain in PEM */
  readonly credentials: string
  /** the user name that came with it; null: none */
  readonly identity: string | null
}

/** What a guard found out about the credentials of one connection. Holds no secret. */
export interface Session {
  /** qualified name of the guard, `namespace:name` */
  readonly guard: string
  /** what the guard of a hop before has found out: TLS knows the certificate, MQTT the token */
  readonly earlier: Session | null
  readonly identity: string
  readonly roles: readonly string[]
  readonly attributes: Readonly<Record<string, string>>
  /** epoch ms, or null when it does not end by itself */
  readonly expiresAt: number | null
  /** The guard has taken it back: the user or the key behind it is gone. May become true at any time; absent: never does. */
  readonly revoked?: boolean
}

/** My side of a duplex stream. The engine has the only implementation. */
export interface Stream<P extends Protocol> {
  readonly session: Session | null
  /** credit > 0 and the writing half is open */
  readonly writable: boolean
  /** bytes (payload + 64 a message) that may be written before `writable` turns false */
  readonly credit: number
  /** both halves are over: nothing more will be delivered, and calls do nothing */
  readonly closed: boolean
  /** Acceptor only, at most once, after `Binding.accept` returned or from inside it. */
  accept(info: P['accept']): void
  /** Hands over one whole payload. False: stop until `onWritable`. Must not be called when `writable` is false. */
  write(payload: Buffer, meta: P['meta']): boolean
  signal(signal: P['signal']): void
  /** Room: the peer may send `cost` more. Costs are what `onData` reports. */
  grant(cost: number): void
  /** Safety: the peer's writes up to number `through` (counted from 1) are stored; `refused` names why write `through` itself was not. */
  ack(through: number, refused?: StreamError): void
  /** Half close: no more writes from me. */
  end(): void
  /** Both halves, at once. My own handler is not called back. Safe on a closed stream. */
  abort(error: StreamError): void
}

/** What a binding implements for each side it holds. Every call is synchronous and may not block. */
export interface StreamHandler<P extends Protocol> {
  onAccept?(info: P['accept']): void
  /** `payload` and the buffers in `meta` are borrowed for the call: copy to keep. */
  onData(payload: Buffer, meta: P['meta'], cost: number): void
  onSignal?(signal: P['signal']): void
  onWritable?(): void
  onAck?(through: number, refused?: StreamError): void
  /** The peer will write no more. Signals, acks and grants still flow until I end too. */
  onEnd(): void
  /** Last call of all: the stream is over without a regular end. */
  onAbort(error: StreamError): void
}

/** The next hop, resolved from zilla.yaml before `attach` runs. */
export interface Exit<P extends Protocol> {
  /** binding name */
  readonly name: string
  /** Opens a stream; null: refused by the next hop. `onAccept` may be called before this returns. */
  connect(open: P['open'], session: Session | null, handler: StreamHandler<P>): Stream<P> | null
  /**
   * The same open, answered with a raw socket, for libraries that must own one. The socket may still be connecting;
   * its errors arrive as `error` events. Null: the next hop cannot give one.
   */
  dial(open: P['open'], session: Session | null): Socket | null
  /** Hands over a connected socket, for next hops that must own one (TLS, HTTP). */
  take(socket: Socket, open: P['open'], session: Session | null): Taken
}

/**
 * What came of handing a socket over. `taken`: the acceptor closes it, and has listeners for its errors already;
 * `refused`: the caller closes it; `streams`: the acceptor knows no sockets, `connect` a stream to it.
 */
export type Taken = 'taken' | 'refused' | 'streams'

export interface BindingConfig {
  options?: unknown
  when?: unknown
  with?: unknown
}

/** One entry of `routes:`; a bare `exit:` is the last of them, without conditions. */
export interface Route<C extends BindingConfig, P extends Protocol> {
  /** empty: always matches */
  readonly when: readonly NonNullable<C['when']>[]
  readonly with: C['with']
  /** null: nothing to exit to (only where the module says that an exit is optional) */
  readonly exit: Exit<P> | null
  /** the route's `guarded:` clause */
  permits(session: Session | null): boolean
  /** What `permits` says, guard by guard. The engine's routes have it; those that tests make by hand need not. */
  demands?(session: Session | null): readonly ExplainedDemand[]
}

export type Kind = 'client' | 'server' | 'proxy' | 'cache_client' | 'cache_server' | 'remote_client' | 'remote_server'

/** Work to be done once at the end of this turn, or at a time. An object, so that scheduling costs no closure. */
export interface Task {
  run(): void
  /** `run` threw: end what this task belongs to. The engine has reported the fault already. */
  fault(error: StreamError): void
}

export interface Timer {
  cancel(): void
}

/** The only source of time for bindings, so that tests can drive it. */
export interface Clock {
  /** epoch ms, may jump */
  now(): number
  /** ms since an arbitrary start, never goes back */
  monotonic(): number
  after(ms: number, task: Task): Timer
  /** Once, after all I/O events of this turn have been handled (one `setImmediate` for the whole engine). A task may be queued only once a turn. */
  endOfTurn(task: Task): void
}

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** Events and counters of one binding. Names are dotted: `mqtt.publish.received`. */
export interface Reporter {
  /** One log line. `event` is a stable code such as `MQTT_CLIENT_REFUSED`; `fields` must be plain JSON. */
  event(level: Level, event: string, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Get it once, keep it, call `add` on the hot path. */
  counter(name: string): Counter
  /** An exception that should not have happened: logged with its stack, counted. */
  fault(where: string, error: unknown): void
}

export interface Counter {
  value: number
}

/** Everything a binding may touch. There is no other way in. */
export interface BindingContext<C extends BindingConfig, Out extends Protocol> {
  readonly namespace: string
  /** as in the document */
  readonly name: string
  readonly kind: Kind
  /** validated, defaults filled, frozen */
  readonly options: NonNullable<C['options']>
  readonly routes: readonly Route<C, Out>[]
  /** folder of the document: relative paths in options start there */
  readonly directory: string
  /** `-P name=value` of the command line */
  readonly properties: ReadonlyMap<string, string>
  /** as references name it */
  guard(name: string): Guard
  /** the entry's `vault:`; null: it has none */
  readonly vault: Vault | null
  /** as references name it; its schemas are there once `Binding.start` is called */
  catalog(name: string): Catalog
  readonly clock: Clock
  readonly report: Reporter
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** One running entry of `bindings:`. */
export interface Binding<In extends Protocol> {
  /** Returns the handler of the acceptor's side, or null: refused. Grant, accept and signal are allowed inside; write and abort are not. */
  accept?(open: In['open'], stream: Stream<In>): StreamHandler<In> | null
  dial?(open: In['open'], session: Session | null): Socket | null
  take?(socket: Socket, open: In['open'], session: Session | null): Exclude<Taken, 'streams'>
  /** Listen, dial, load. Rejects with a `StreamError` or an `Error` whose message names the cause. Called last hop first. */
  start?(): Promise<void>
  /** Take no new work; finish what is there. Called first hop first, without waiting for the hop before. Resolves when nothing is left; the engine stops waiting at its deadline. */
  drain?(): Promise<void>
  /** Where it listens, once started; what the command line prints. */
  addresses?(): readonly ListenAddress[]
  /**
   * What is wrong outside, with what it needs there: paths are those of its entry. Asked of a binding that is not started
   * itself, unless it is a client, while the clients that it exits to are. Changes nothing. Absent: there is nothing to ask.
   */
  probe?(): Promise<readonly Finding[]>
  /**
   * What it would do with a client, asked of a binding that is attached and never started. It must find out by the very
   * route tables and functions that `accept` and `take` use. No network, file or Kafka. Absent: it lets pass whatever comes.
   */
  explain?(inquiry: Inquiry): Explanation | Promise<Explanation>
  /** Release everything. Safe twice, safe after a failed start, safe without start. */
  stop?(): Promise<void>
}

/** A fault in the document found by a module's own `check`. `path` is relative to the entry: `['options', 'port']`. */
export interface Finding {
  readonly level: 'error' | 'warning'
  readonly path: readonly (string | number)[]
  /** stable, kebab-case: `port-invalid` */
  readonly code: string
  readonly message: string
}

/** One entry of `bindings:` as written, after defaults; what `check` sees. */
export interface BindingEntry<C extends BindingConfig = BindingConfig> {
  readonly type: string
  readonly kind: Kind
  readonly options?: C['options']
  readonly routes?: readonly {
    readonly when?: readonly NonNullable<C['when']>[]
    readonly with?: C['with']
    readonly guarded?: Readonly<Record<string, readonly string[]>>
    readonly exit?: string
  }[]
  readonly exit?: string
  readonly vault?: string
}

/** An address that an entry will listen on once it runs. */
export interface Listens {
  readonly host: string
  /** first and last port; 0: the system chooses */
  readonly from: number
  readonly to: number
  /** what says so, relative to the entry: `['options', 'port']` */
  readonly path: readonly (string | number)[]
}

/** What a kind speaks on its two sides, by protocol name (`bytes`, `mqtt`, `kafka`). */
export interface KindSpec {
  /** protocol of streams that other bindings may open to this one; absent: never an exit */
  readonly accepts?: string
  /** protocol it speaks to its exit; absent: takes no exit */
  readonly produces?: string
  /** produces, but `exit` may be missing */
  readonly exitOptional?: boolean
  /** more than the first matching route may be used, so that no route hides those after it */
  readonly everyRoute?: boolean
}

export type JsonSchema = Readonly<Record<string, unknown>>

/** What a package exports for each `type:`. */
export interface BindingModule<
  C extends BindingConfig = BindingConfig,
  In extends Protocol = Protocol,
  Out extends Protocol = Protocol,
> {
  readonly type: string
  readonly kinds: Readonly<Partial<Record<Kind, KindSpec>>>
  /** JSON Schema 2020-12 of one entry of this type; one source for ajv, static types and the reference page. */
  readonly schema: JsonSchema
  /**
   * Rules that a schema cannot say. Pure: no socket, file or clock. `exits` are the entries it hands over to; null where
   * some of them are not sound.
   */
  check?(entry: BindingEntry<C>, exits: readonly BindingEntry[] | null): Finding[]
  /** Where an entry listens that `check` has no error for. Pure. Absent: never. */
  listens?(entry: BindingEntry<C>): readonly Listens[]
  attach(context: BindingContext<C, Out>): Binding<In>
}

/** One running entry of `guards:`. */
export interface Guard {
  /**
   * Called per connection, never per message. Null: the credentials are not accepted. Rejects with `StreamError`
   * `unavailable` when that cannot be said now. `earlier` becomes that of the session.
   */
  authorize(shown: Credentials, earlier: Session | null): Promise<Session | null>
  /** Whether the session, given by this guard, holds every one of the roles. */
  permits(session: Session, roles: readonly string[]): boolean
  /**
   * What to show to another server on behalf of a session of this guard, or of nobody in particular (null). Absent, or
   * null: there is nothing to show.
   */
  credentials?(session: Session | null): Credentials | null
  /**
   * The session of somebody whose credentials, once verified, make these claims; null: they name nobody. For `explain`.
   * Absent: its credentials make no claims.
   */
  assume?(claims: Readonly<Record<string, unknown>>, earlier: Session | null): Session | null
  start?(): Promise<void>
  stop?(): Promise<void>
}

export interface GuardContext<O = unknown> {
  readonly namespace: string
  readonly name: string
  readonly options: O
  readonly directory: string
  readonly clock: Clock
  readonly report: Reporter
}

export interface GuardModule<O = unknown> {
  readonly type: string
  readonly schema: JsonSchema
  /**
   * Types of bindings that may hand credentials to it or ask it for some; absent: all. For a guard that believes what it
   * is shown, because whoever hands it over has verified it.
   */
  readonly usedBy?: readonly string[]
  check?(entry: { readonly type: string; readonly options?: O }): Finding[]
  /** Every role that its sessions can have. Pure. Absent, or null: known only when somebody comes. */
  roles?(options: O): ReadonlySet<string> | null
  /** Whether it can tell who somebody is without asking another computer. Pure. Absent: it cannot. For `explain`. */
  offline?(options: O): boolean
  attach(context: GuardContext<O>): Guard
}

/** A private key with its certificates, all PEM. Secret. */
export interface KeyPair {
  /** alias in the store */
  readonly name: string
  readonly key: string
  /** its own certificate first, then those of issuers as far as they are there */
  readonly certificates: string
}

export interface TrustedCertificate {
  /** alias in the store */
  readonly name: string
  /** PEM */
  readonly certificate: string
}

/** One running entry of `vaults:`: keys and certificates by alias. */
export interface Vault {
  readonly keys: readonly KeyPair[]
  readonly trust: readonly TrustedCertificate[]
  /** issuers; a key is chosen by who signed it */
  readonly signers: readonly TrustedCertificate[]
  /** Revocation lists, PEM. Whoever trusts certificates must then refuse those that no list covers. Null or absent: not looked at. */
  readonly crls?: readonly string[] | null
  /** Called after the lists have changed. */
  onChange(listener: () => void): void
  /** Loads; called before any guard and binding starts. Rejects with an error that names the file at fault. */
  start?(): Promise<void>
  stop?(): Promise<void>
}

export interface VaultContext<O = unknown> {
  readonly namespace: string
  readonly name: string
  readonly options: O
  /** folder of the document: relative paths in options start there */
  readonly directory: string
  readonly clock: Clock
  readonly report: Reporter
}

export interface VaultModule<O = unknown> {
  readonly type: string
  readonly schema: JsonSchema
  check?(entry: { readonly type: string; readonly options?: O }): Finding[]
  attach(context: VaultContext<O>): Vault
}

/** One running entry of `catalogs:`: the schemas of messages, by subject. */
export interface Catalog {
  /** Text of a schema, or null: there is none of that subject and version. Called when bindings start, never per message. */
  schema(subject: string, version: string): string | null
  /** Called before any binding starts. Rejects with an error that names what cannot be read. */
  start?(): Promise<void>
  stop?(): Promise<void>
}

/** The version that stands for whatever a catalog has. */
export const LATEST = 'latest'

export interface CatalogContext<O = unknown> {
  readonly namespace: string
  readonly name: string
  readonly options: O
  /** folder of the document: relative paths in options start there */
  readonly directory: string
  readonly clock: Clock
  readonly report: Reporter
}

export interface CatalogModule<O = unknown> {
  readonly type: string
  readonly schema: JsonSchema
  check?(entry: { readonly type: string; readonly options?: O }): Finding[]
  /** The subjects it will have, each with its version. Pure. Absent: known only when it runs. */
  subjects?(options: O): ReadonlyMap<string, string>
  attach(context: CatalogContext<O>): Catalog
}
