/**
 * MQTT load of our own making: raw sockets, packets built beforehand, a parser that only counts. It must cost little, or
 * the bench would measure itself. Used by `scenarios.ts`.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CONNECT = 0x10
const PUBLISH = 0x30
const SUBSCRIBE = 0x82
const PINGREQ = Buffer.from([0xc0, 0])
const DISCONNECT = Buffer.from([0xe0, 0])

const TYPE_CONNACK = 2
const TYPE_PUBLISH = 3
const TYPE_PUBACK = 4
const TYPE_SUBACK = 9
const TYPE_PINGRESP = 13

const WAIT_MS = 60_000

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
export function publishPacket(topic: string, payload: Buffer, qos: 0 | 1): { bytes: Buffer; idAt: number } {
  const id = qos === 0 ? Buffer.alloc(0) : Buffer.from([0, 1])
  const bytes = packet(PUBLISH | (qos << 1), Buffer.concat([text(topic), id, payload]))
  return { bytes, idAt: qos === 0 ? -1 : bytes.length - payload.length - 2 }
}

/** One MQTT 3.1.1 connection that counts what it gets. */
export class LoadClient {
  readonly socket: Socket
  publishes = 0
  pubacks = 0
  pingresps = 0
  /** called after each chunk from the engine */
  onProgress: () => void = () => {}
  /** called for each PUBLISH, with its payload, when set; costs more */
  onPayload: ((payload: Buffer) => void) | null = null
  #suback: (() => void) | null = null
  #connack: ((returnCode: number) => void) | null = null
  #rest: Buffer | null = null
  #nextId = 1

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#onChunk(chunk))
    socket.on('error', () => {})
  }

  /** Connects and waits for CONNACK 0. */
  static async open(port: number, clientId: string): Promise<LoadClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const client = new LoadClient(socket)
    await withDeadline(once(socket, 'connect'), 'TCP connect')
    const body = Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId)])
    const connack = new Promise<number>((resolve) => {
      client.#connack = resolve
    })
    socket.write(packet(CONNECT, body))
    const code = await withDeadline(connack, 'CONNACK')
    if (code !== 0) throw new Error(`CONNECT was answered by ${code}`)
    return client
  }

  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
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
    this.socket.end(DISCONNECT)
    this.socket.destroySoon()
  }

  #onChunk(chunk: Buffer): void {
    const data = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    let acks: Buffer | null = null
    let at = 0
    for (;;) {
      const end = packetEnd(data, at)
      if (end < 0) break
      const ack = this.#onPacket(data, at, end)
      if (ack !== null) acks = acks === null ? ack : Buffer.concat([acks, ack])
      at = end
    }
    this.#rest = at === data.length ? null : Buffer.from(data.subarray(at))
    if (acks !== null) this.socket.write(acks)
    this.onProgress()
  }

  #onPacket(data: Buffer, at: number, end: number): Buffer | null {
    const header = data[at]!
    switch (header >> 4) {
      case TYPE_PUBLISH:
        this.publishes++
        return this.#onPublish(data, at, end, (header >> 1) & 3)
      case TYPE_PUBACK:
        this.pubacks++
        return null
      case TYPE_PINGRESP:
        this.pingresps++
        return null
      case TYPE_CONNACK:
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

  #onPublish(data: Buffer, at: number, end: number, qos: number): Buffer | null {
    let body = at + 2
    while (data[body - 1]! >= 0x80) body++
    const afterTopic = body + 2 + data.readUInt16BE(body)
    this.onPayload?.(data.subarray(qos === 0 ? afterTopic : afterTopic + 2, end))
    return qos === 0 ? null : Buffer.from([0x40, 2, data[afterTopic]!, data[afterTopic + 1]!])
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
