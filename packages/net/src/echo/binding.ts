/** The `echo` binding: sends back every byte. The smallest example of a binding, complete with back-pressure. */
import type { BindingModule, Stream, StreamHandler } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'
import { type EchoConfig, schema } from './echo.config.ts'

class Echo implements StreamHandler<Bytes> {
  readonly #stream: Stream<Bytes>
  #granted = 0

  constructor(stream: Stream<Bytes>) {
    this.#stream = stream
  }

  onData(payload: Buffer, _meta: undefined, cost: number): void {
    this.#granted -= cost
    this.#stream.write(payload, undefined)
    this.#grantWhatFits()
  }

  onWritable(): void {
    this.#grantWhatFits()
  }

  onEnd(): void {
    this.#stream.end()
  }

  onAbort(): void {}

  /** The peer may send what I may send back; so a write is always possible when data arrives. */
  #grantWhatFits(): void {
    const room = this.#stream.credit - this.#granted
    if (room <= 0) return
    this.#granted += room
    this.#stream.grant(room)
  }
}

export const echo: BindingModule<EchoConfig, Bytes, Bytes> = {
  type: 'echo',
  kinds: { server: { accepts: 'bytes' } },
  schema,
  attach: () => ({ accept: (_open, stream) => new Echo(stream) }),
}
