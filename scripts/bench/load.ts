/**
 * MQTT load of our own making: raw sockets, packets built beforehand, a parser that only counts. It must cost little, or
 * the bench would measure itself. Used by `scenarios.ts` and `soak.ts`.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const CONNECT = 0x10
const PUBLISH = 0x30
const SUBSCRIBE = 0x82
const PINGREQ = Buffer.from([0xc0, 0])
const DISCONNECT = Buffer.from([0xe0, 0])

const TYPE_CONNACK = 2
const TYPE_PUBLISH = 3
export const TYPE_PUBACK = 4
export const TYPE_PUBREC = 5
const TYPE_PUBREL = 6
export const TYPE_PUBCOMP = 7
const TYPE_SUBACK = 9
const TYPE_PINGRESP = 13

const CLEAN = 2
const PASSWORD = 0x40
const USERNAME = 0x80
const WAIT_MS = 60_000

export type Qos = 0 | 1 | 2

function packet(header: number, body: Buffer): Buffer {
  const length: number[] = []
  let rest = body.length
  do {
    const digit = rest % 128
    rest = Math.floor(rest / 128)
    length.push(rest > 0 ? digit | 0x80 : digit)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([header, ...length]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** A PUBLISH of MQTT 3.1.1; `idAt` is where its packet id stands, −1 for QoS 0. */
export function publishPacket(topic: string, payload: Buffer, qos: Qos): { bytes: Buffer; idAt: number } {
  const id = qos === 0 ? Buffer.alloc(0) : Buffer.from([0, 1])
  const bytes = packet(PUBLISH | (qos << 1), Buffer.concat([text(topic), id, payload]))
  return { bytes, idAt: qos === 0 ? -1 : bytes.length - payload.length - 2 }
}

function connectPacket(clientId: string, { clean, username, password }: LoadOptions): Buffer {
  const shown = [username, password].filter((each) => each !== undefined)
  const flags =
    (clean === false ? 0 : CLEAN) | (username === undefined ? 0 : USERNAME) | (password === undefined ? 0 : PASSWORD)
  const head = [text('MQTT'), Buffer.from([4, flags, 0, 0])]
  return packet(CONNECT, Buffer.concat([...head, text(clientId), ...shown.map(text)]))
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function answerPacket(type: number, id: number): Buffer {
  // The reserved bits of PUBREL [MQTT-3.6.1-1].
  return Buffer.from([(type << 4) | (type === TYPE_PUBREL ? 2 : 0), 2, id >> 8, id & 0xff])
}

export function pubrel(id: number): Buffer {
  return answerPacket(TYPE_PUBREL, id)
}

export interface LoadOptions {
  /** false: the session stays when the connection ends */
  readonly clean?: boolean
  readonly username?: string
  readonly password?: string
  /** PEM; present: over TLS, by a server of this authority */
  readonly authority?: string
  /** called before anything is sent or received, to set what is called later */
  readonly prepare?: (client: LoadClient) => void
}

/** One MQTT 3.1.1 connection that counts what it gets. */
export class LoadClient {
  readonly socket: Socket
  publishes = 0
  pubacks = 0
  pubcomps = 0
  pingresps = 0
  sessionPresent = false
  /** called after each chunk from the engine */
  onProgress: () => void = () => {}
  /** called for each PUBLISH when set; costs more */
  onPublish: ((payload: Buffer, qos: number, packetId: number) => void) | null = null
  /** called for each PUBACK, PUBREC, PUBREL and PUBCOMP when set */
  onAnswer: ((type: number, packetId: number) => void) | null = null
  /** called when the engine, not we, ended the connection */
  onClosed: () => void = () => {}
  #suback: (() => void) | null = null
  #connack: ((returnCode: number) => void) | null = null
  #rest: Buffer | null = null
  #nextId = 1
  #closed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#onChunk(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!this.#closed) this.onClosed()
    })
  }

  /** Connects and waits for CONNACK 0. */
  static async open(port: number, clientId: string, options: LoadOptions = {}): Promise<LoadClient> {
    const { authority: ca } = options
    const address = { host: '127.0.0.1', port, noDelay: true }
    const socket = ca === undefined ? connect(address) : connectTls({ ...address, ca, servername: 'localhost' })
    const client = new LoadClient(socket)
    options.prepare?.(client)
    await withDeadline(once(socket, ca === undefined ? 'connect' : 'secureConnect'), 'a connection')
    const connack = new Promise<number>((resolve) => {
      client.#connack = resolve
    })
    socket.write(connectPacket(clientId, options))
    const code = await withDeadline(connack, 'CONNACK')
    if (code !== 0) throw new Error(`CONNECT was answered by ${code}`)
    return client
  }

  async subscribe(filter: string, qos: Qos): Promise<void> {
    const suback = new Promise<void>((resolve) => {
      this.#suback = resolve
    })
    this.socket.write(packet(SUBSCRIBE, Buffer.concat([Buffer.from([0, 1]), text(filter), Buffer.from([qos])])))
    await withDeadline(suback, 'SUBACK')
  }

  /** Sends one buffer of `count` copies of a PUBLISH, with packet ids when it has them. */
  publish(publish: { bytes: Buffer; idAt: number }, count: number): void {
    const { bytes, idAt } = publish
    const run = Buffer.allocUnsafe(bytes.length * count)
    for (let at = 0; at < run.length; at += bytes.length) {
      bytes.copy(run, at)
      if (idAt >= 0) {
        run.writeUInt16BE(this.#nextId, at + idAt)
        this.#nextId = this.#nextId === 0xffff ? 1 : this.#nextId + 1
      }
    }
    this.socket.write(run)
  }

  ping(): void {
    this.socket.write(PINGREQ)
  }

  close(): void {
    this.#closed = true
    this.socket.end(DISCONNECT)
    this.socket.destroySoon()
  }

  /** Ends the connection without DISCONNECT. */
  drop(): void {
    this.#closed = true
    this.socket.destroy()
  }

  #onChunk(chunk: Buffer): void {
    if (this.#closed) return
    const data = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    const answers: Buffer[] = []
    let at = 0
    for (;;) {
      const end = packetEnd(data, at)
      if (end < 0) break
      const answer = this.#onPacket(data, at, end)
      if (answer !== null) answers.push(answer)
      at = end
    }
    this.#rest = at === data.length ? null : Buffer.from(data.subarray(at))
    if (answers.length > 0) this.socket.write(Buffer.concat(answers))
    this.onProgress()
  }

  #onPacket(data: Buffer, at: number, end: number): Buffer | null {
    const header = data[at]!
    switch (header >> 4) {
      case TYPE_PUBLISH:
        this.publishes++
        return this.#onPublish(data, at, end, (header >> 1) & 3)
      case TYPE_PUBACK:
      case TYPE_PUBREC:
      case TYPE_PUBREL:
      case TYPE_PUBCOMP:
        return this.#onAnswer(header >> 4, data.readUInt16BE(at + 2))
      case TYPE_PINGRESP:
        this.pingresps++
        return null
      case TYPE_CONNACK:
        this.sessionPresent = data[end - 2] === 1
        this.#connack?.(data[end - 1]!)
        return null
      case TYPE_SUBACK:
        if (data[end - 1]! >= 0x80) throw new Error(`SUBSCRIBE was answered by ${data[end - 1]}`)
        this.#suback?.()
        return null
      default:
        return null
    }
  }

  /** What comes next in the exchange of QoS 2 [MQTT-4.3.3-1] [MQTT-4.3.3-2]. */
  #onAnswer(type: number, packetId: number): Buffer | null {
    this.onAnswer?.(type, packetId)
    if (type === TYPE_PUBREC || type === TYPE_PUBREL) return answerPacket(type + 1, packetId)
    if (type === TYPE_PUBACK) this.pubacks++
    else this.pubcomps++
    return null
  }

  #onPublish(data: Buffer, at: number, end: number, qos: number): Buffer | null {
    let body = at + 2
    while (data[body - 1]! >= 0x80) body++
    const afterTopic = body + 2 + data.readUInt16BE(body)
    const packetId = qos === 0 ? 0 : data.readUInt16BE(afterTopic)
    this.onPublish?.(data.subarray(qos === 0 ? afterTopic : afterTopic + 2, end), qos, packetId)
    return qos === 0 ? null : answerPacket(qos === 1 ? TYPE_PUBACK : TYPE_PUBREC, packetId)
  }
}

/** Where the packet that begins at `at` ends; −1 when it is not whole yet. */
function packetEnd(data: Buffer, at: number): number {
  let length = 0
  for (let digit = 0; digit < 4; digit++) {
    const byte = data[at + 1 + digit]
    if (byte === undefined) return -1
    length += (byte & 0x7f) * 128 ** digit
    if (byte < 0x80) {
      const end = at + 2 + digit + length
      return end <= data.length ? end : -1
    }
  }
  throw new Error('the engine sent a malformed packet')
}

/** Rejects, naming what was waited for, when it does not come within a minute. */
export async function withDeadline<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${WAIT_MS / 1000} s`)), WAIT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export function elapse(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
}

/** Waits for a count to be reached; a count that is wrong fails the bench. */
export async function reached(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not arrive: the figures would be worth nothing`)
    await elapse(0.02)
  }
}
