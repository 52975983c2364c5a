/**
 * One WebSocket as one side of a `bytes` stream. Messages are a run of bytes: what is carried may span several, and one may
 * carry several things [MQTT-6.0.0-2]. What is written in a turn leaves in one message at its end; a stream that is not
 * granted room stops the socket from being read. Nothing a peer sends may throw out of here.
 */
import { type ErrorCode, type Stream, StreamError, type StreamHandler, type Task } from '@zilla-ts/engine'
import { WebSocket } from 'ws'
import { WRITE_WINDOW } from '../socket-stream.ts'
import type { Address, Bytes } from '../stream.ts'
import { TurnBuffer } from '../turn-buffer.ts'
import type { Watched } from '../watch.ts'
import type { Links } from './links.ts'

const BINARY = { binary: true, compress: false } as const

/** RFC 6455 §7.4.1, and codes registered later */
const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  UNSUPPORTED: 1003,
  ABNORMAL: 1006,
  POLICY: 1008,
  TOO_BIG: 1009,
  INTERNAL: 1011,
  TRY_AGAIN: 1013,
} as const

const CODE_OF: Readonly<Record<ErrorCode, number>> = {
  refused: CloseCode.POLICY,
  invalid: CloseCode.POLICY,
  'not-authorized': CloseCode.POLICY,
  'not-found': CloseCode.POLICY,
  'too-large': CloseCode.TOO_BIG,
  quota: CloseCode.TRY_AGAIN,
  unavailable: CloseCode.TRY_AGAIN,
  timeout: CloseCode.POLICY,
  shutdown: CloseCode.GOING_AWAY,
  'taken-over': CloseCode.POLICY,
  closed: CloseCode.GOING_AWAY,
  internal: CloseCode.INTERNAL,
}

/** codes of the library */
const TOO_LARGE: ReadonlySet<string> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
])

/** What the link needs of the socket below. */
export interface Wire {
  readonly bytesRead: number
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
}

export class Link implements StreamHandler<Bytes>, Task, Watched {
  readonly #links: Links
  readonly #socket: WebSocket
  readonly #wire: Wire
  readonly #remote: Address | undefined
  readonly #turn = new TurnBuffer()
  #stream: Stream<Bytes> | null = null
  /** received while the stream had no room: at most the rest of a chunk of the socket, and one message */
  #waiting: Buffer[] = []
  /** the peer has closed in order: what waits is still taken, then the stream ends */
  #inputEnded = false
  #outputEnded = false
  /** our side has said that it closes */
  #closed = false
  #scheduled = false
  /** cost of writes in this turn, and of those handed to the socket and not yet taken by the system */
  #costQueued = 0
  #costWritten = 0
  /** of the last ping that is not answered (RFC 6455 §5.5.3) */
  #ping: Buffer | null = null
  #failure: Error | null = null
  /** monotonic ms; 0: not so */
  #since: number
  #pingedAt = 0
  #closeDueAt = 0
  #bytesSeen = 0
  readonly #onFlushed = () => this.#flushed()

  constructor(links: Links, socket: WebSocket, wire: Wire, remote: Address | undefined) {
    this.#links = links
    this.#socket = socket
    this.#wire = wire
    this.#remote = remote
    this.#since = links.clock.monotonic()
    links.active.value++
    links.watch.add(this)
    socket.on('open', () => this.#opened())
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    socket.on('ping', (data) => this.#onPing(data))
    socket.on('error', (error) => this.#onError(error))
    socket.on('close', (code) => this.#onClose(code))
  }

  /** Joins WebSocket and stream; from here on bytes flow. */
  join(stream: Stream<Bytes>): void {
    this.#stream = stream
    if (!stream.writable) this.#socket.pause()
    stream.grant(WRITE_WINDOW)
  }

  /** Nobody takes the WebSocket. */
  refuse(): void {
    this.#close(CloseCode.TRY_AGAIN)
  }

  // The stream

  onData(payload: Buffer, _meta: undefined, cost: number): void {
    this.#costQueued += cost
    this.#turn.append(payload)
    this.#schedule()
  }

  onWritable(): void {
    if (this.#waiting.length > 0) {
      const bytes = Buffer.concat(this.#waiting)
      this.#waiting = []
      if (this.#stream?.write(bytes, undefined) !== true) return
    }
    if (this.#inputEnded) this.#endStream()
    else this.#resume()
  }

  onEnd(): void {
    this.#outputEnded = true
    if (this.#socket.readyState === WebSocket.CLOSED) this.#endStream()
    else this.#schedule()
  }

  onAbort(error: StreamError): void {
    this.#stream = null
    if (this.#socket.readyState === WebSocket.CLOSED) this.#forget()
    else this.#close(CODE_OF[error.code])
  }

  /** End of turn: everything written leaves in one message. */
  run(): void {
    this.#scheduled = false
    const socket = this.#socket
    // Until it is open, what is written waits, within the room granted.
    if (socket.readyState === WebSocket.CONNECTING) return
    this.#costWritten += this.#costQueued
    this.#costQueued = 0
    const chunks = this.#turn.take()
    if (socket.readyState !== WebSocket.OPEN) return
    const last = chunks.length - 1
    if (last < 0) this.#flushed()
    for (let at = 0; at <= last; at++) socket.send(chunks[at]!, BINARY, at === last ? this.#onFlushed : undefined)
    if (this.#ping !== null && socket.bufferedAmount < WRITE_WINDOW) {
      const data = this.#ping
      this.#ping = null
      socket.pong(data)
    }
    if (this.#outputEnded) this.#close(CloseCode.NORMAL)
  }

  fault(error: StreamError): void {
    this.abort(error)
  }

  /** Ends WebSocket and stream at once. */
  abort(error: StreamError): void {
    this.#abortStream(error)
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(CODE_OF[error.code])
    this.#socket.terminate()
    if (this.#socket.readyState === WebSocket.CLOSED) this.#forget()
  }

  // Deadlines

  check(now: number, late: boolean): void {
    const { readyState, isPaused } = this.#socket
    const { limits } = this.#links
    if (late) this.#rebase(now)
    if (readyState === WebSocket.CONNECTING) {
      if (now - this.#since >= limits.connectSeconds * 1_000) this.#timeOut('the WebSocket was not accepted in time')
    } else if (readyState !== WebSocket.OPEN) {
      if (this.#closeDueAt === 0) this.#closeDueAt = now + limits.closeSeconds * 1_000
      else if (now >= this.#closeDueAt) this.#timeOut('the peer has not closed the connection in time')
    } else if (isPaused || this.#wire.bytesRead !== this.#bytesSeen) {
      // We do not read, or there was something: no silence of the peer.
      this.#rebase(now)
    } else if (this.#pingedAt !== 0) {
      if (now - this.#pingedAt >= limits.pongSeconds * 1_000) this.#timeOut('a ping was not answered in time')
    } else if (now - this.#since >= limits.pingSeconds * 1_000) {
      this.#pingedAt = now
      this.#socket.ping()
    }
  }

  #rebase(now: number): void {
    this.#since = now
    this.#pingedAt = 0
    this.#bytesSeen = this.#wire.bytesRead
    if (this.#closeDueAt !== 0) this.#closeDueAt = Math.max(this.#closeDueAt, now + 1)
  }

  #timeOut(message: string): void {
    this.#links.timedOut.value++
    this.abort(new StreamError('timeout', message))
  }

  // The WebSocket

  /** A client's. */
  #opened(): void {
    const { localAddress: host = '', localPort: port = 0 } = this.#wire
    this.#links.opened.value++
    this.#rebase(this.#links.watch.now)
    this.#stream?.accept({ local: { host, port }, remote: this.#remote ?? { host: '', port: 0 } })
    if (this.#stream?.writable === false) this.#socket.pause()
    this.#schedule()
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const stream = this.#stream
    if (stream === null || this.#inputEnded || this.#closed) return
    if (!isBinary) {
      // [MQTT-6.0.0-1]
      this.#protocolError('a text frame, where only binary frames are taken')
      this.#abortStream(new StreamError('invalid', 'a text frame was received'))
      this.#close(CloseCode.UNSUPPORTED)
    } else if (data.length === 0) {
      // says nothing
    } else if (this.#waiting.length > 0 || !stream.writable) {
      this.#waiting.push(data)
    } else if (!stream.write(data, undefined)) this.#socket.pause()
  }

  /** Of many in a turn, and of many that come while the peer reads nothing, only the last is answered. */
  #onPing(data: Buffer): void {
    this.#ping = Buffer.from(data)
    this.#schedule()
  }

  #onError(error: Error): void {
    this.#failure ??= error
    const { code = '' } = error as NodeJS.ErrnoException
    // The library has sent the code that RFC 6455 asks for; other errors are followed by `close`.
    if (!code.startsWith('WS_ERR_')) return
    this.#protocolError(error.message)
    this.#abortStream(new StreamError(TOO_LARGE.has(code) ? 'too-large' : 'invalid', error.message))
    this.#close(CloseCode.POLICY)
  }

  #onClose(code: number): void {
    const stream = this.#stream
    if (stream === null || stream.closed) this.#forget()
    else if (code === CloseCode.ABNORMAL) {
      this.#abortStream(new StreamError('closed', this.#failure?.message ?? 'connection closed by the peer'))
      this.#forget()
    } else {
      this.#inputEnded = true
      if (this.#waiting.length === 0) this.#endStream()
    }
  }

  #protocolError(message: string): void {
    this.#links.protocolErrors.value++
    this.#links.events.event('info', 'WS_PROTOCOL_ERROR', message, { remote: this.#remote?.host })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#links.clock.endOfTurn(this)
  }

  /** The system took everything: the other side may write as much again. */
  #flushed(): void {
    if (this.#socket.bufferedAmount > 0) return
    const cost = this.#costWritten
    this.#costWritten = 0
    if (this.#ping !== null) this.#schedule()
    if (cost > 0) this.#stream?.grant(cost)
  }

  // Ends

  /** Says that we close. What the peer still sends is thrown away until it does the same. */
  #close(code: number): void {
    if (this.#closeDueAt === 0)
      this.#closeDueAt = this.#links.clock.monotonic() + this.#links.limits.closeSeconds * 1_000
    this.#closed = true
    this.#waiting = []
    this.#socket.close(code)
    this.#resume()
  }

  /** The library throws when there is no connection to be resumed. */
  #resume(): void {
    if (this.#socket.isPaused) this.#socket.resume()
  }

  /** The peer has closed, and all it sent is taken. */
  #endStream(): void {
    const stream = this.#stream
    stream?.end()
    if (!this.#outputEnded && stream?.closed === false) return
    this.#stream = null
    this.#forget()
  }

  #abortStream(error: StreamError): void {
    const stream = this.#stream
    this.#stream = null
    stream?.abort(error)
  }

  #forget(): void {
    if (this.#links.watch.delete(this)) this.#links.active.value--
  }
}
