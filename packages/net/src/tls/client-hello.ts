/**
 * The first message of a TLS client, as far as it tells whom it wants: server name and application protocols. Read before
 * anything is answered, from whatever pieces it comes in; bounded, for it comes from anybody. RFC 8446 §4.1.2, RFC 6066 §3,
 * RFC 7301.
 */

export interface ClientHello {
  /** in lower case; null: none is asked for */
  readonly serverName: string | null
  readonly alpn: readonly string[]
}

/** What the bytes so far are: `more` is needed, or they are no such message. */
export type HelloResult = ClientHello | 'more' | 'invalid'

/** Far above what clients send: the largest key shares in use take less than 2 KiB. */
export const HELLO_BYTES_MAX = 16_384
/** A record for each few bytes is legal, and of no use but to waste our time. */
const RECORDS_MAX = 64
const RECORD_HEADER = 5
const MESSAGE_HEADER = 4
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const RANDOM = 32
const SERVER_NAME = 0
const ALPN = 16
const HOST_NAME = 0
/** letters of a name as it is sent: no blank, no control character, nothing beyond ASCII */
const NAME = /^[!-~]{1,255}$/

export class ClientHelloReader {
  readonly #chunks: Buffer[] = []
  #length = 0
  /** below this there is nothing new to be learnt */
  #needed = RECORD_HEADER

  /** Everything so far, for whoever is to read it again. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  push(chunk: Buffer): HelloResult {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return this.#chunks[0]?.[0] === HANDSHAKE ? 'more' : 'invalid'
    try {
      return this.#read(this.bytes)
    } catch (error) {
      if (error instanceof RangeError) return 'invalid'
      throw error
    }
  }

  #read(bytes: Buffer): HelloResult {
    const pieces: Buffer[] = []
    let length = 0
    for (let at = 0, records = 0; ; records++) {
      if (bytes.length < at + RECORD_HEADER) return this.#more(at + RECORD_HEADER, bytes)
      const size = bytes.readUInt16BE(at + 3)
      if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3 || size === 0 || records >= RECORDS_MAX) return 'invalid'
      const end = at + RECORD_HEADER + size
      // What has come of a record tells already whether the rest is worth waiting for.
      pieces.push(bytes.subarray(at + RECORD_HEADER, end))
      length += Math.min(end, bytes.length) - at - RECORD_HEADER
      const message = Buffer.concat(pieces, length)
      if (length > 0 && message[0] !== CLIENT_HELLO) return 'invalid'
      const wanted = length < MESSAGE_HEADER ? MESSAGE_HEADER : MESSAGE_HEADER + message.readUIntBE(1, 3)
      if (wanted > HELLO_BYTES_MAX) return 'invalid'
      if (length >= MESSAGE_HEADER && length >= wanted) return readMessage(message.subarray(MESSAGE_HEADER, wanted))
      if (end > bytes.length) return this.#more(end, bytes)
      at = end
    }
  }

  #more(needed: number, { length }: Buffer): 'more' {
    // A long record is looked at as it comes in, but not at each of its bytes.
    this.#needed = Math.min(needed, length + 1024)
    return 'more'
  }
}

function readMessage(body: Buffer): ClientHello {
  const fields = new Fields(body)
  fields.skip(2 + RANDOM)
  fields.vector(1)
  fields.vector(2)
  fields.vector(1)
  let serverName: string | null = null
  let alpn: readonly string[] = []
  const seen = new Set<number>()
  // Clients of TLS 1.2 may send none.
  const extensions = fields.done ? fields : fields.vector(2)
  if (!fields.done) throw new RangeError('bytes are left')
  while (!extensions.done) {
    const type = extensions.number(2)
    const content = extensions.vector(2)
    if (seen.has(type)) throw new RangeError('an extension is there twice')
    seen.add(type)
    if (type === SERVER_NAME) serverName = readServerName(content)
    if (type === ALPN) alpn = readAlpn(content)
  }
  return { serverName, alpn }
}

function readServerName(content: Fields): string | null {
  const names = content.vector(2)
  let found: string | null = null
  while (!names.done) {
    const type = names.number(1)
    const name = names.vector(2).text()
    if (type !== HOST_NAME) continue
    if (found !== null || !NAME.test(name)) throw new RangeError('not one host name')
    found = name.toLowerCase()
  }
  return found
}

function readAlpn(content: Fields): string[] {
  const list = content.vector(2)
  const names: string[] = []
  while (!list.done) names.push(list.vector(1).text())
  return names
}

/** Walks over fields; what reaches beyond the end throws a `RangeError`. */
class Fields {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  skip(count: number): void {
    this.#at += count
    if (this.#at > this.#bytes.length) throw new RangeError('too short')
  }

  number(size: number): number {
    this.skip(size)
    return this.#bytes.readUIntBE(this.#at - size, size)
  }

  /** What follows its own length of `size` bytes. */
  vector(size: number): Fields {
    const length = this.number(size)
    this.skip(length)
    return new Fields(this.#bytes.subarray(this.#at - length, this.#at))
  }

  text(): string {
    return this.#bytes.toString('latin1')
  }
}
