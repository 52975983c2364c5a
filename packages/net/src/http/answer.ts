/** Answers on a socket that no parser owns any more: what becomes of an upgrade that is refused. Also used by ws server. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

export type AnswerHeaders = Readonly<Record<string, string>>

/** Answers and closes. A peer that reads nothing is cut off by whoever owns the deadline of the connection. */
export function answerAndClose(socket: Duplex, status: number, text: string, headers: AnswerHeaders = {}): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = `${text}\n`
  const fields = {
    ...headers,
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
}
