/** Two streams of bytes as one, with a header in front of what goes on. Credit passes through: nothing is held here. */
import type { Stream, StreamError, StreamHandler } from '@zilla-ts/engine'
import type { Bytes } from '../stream.ts'

/** Hears one stream and writes to the other. */
class Direction implements StreamHandler<Bytes> {
  from: Stream<Bytes> | null = null
  to: Stream<Bytes> | null = null
  /** must leave before anything else */
  header: Buffer | null = null
  back: Direction | null = null
  #granted = 0

  onAccept(info: Bytes['accept']): void {
    this.to?.accept(info)
  }

  onData(payload: Buffer, _meta: undefined, cost: number): void {
    this.#granted -= cost
    this.to?.write(payload, undefined)
    this.grantWhatFits()
  }

  /** `from` may be written to again. */
  onWritable(): void {
    this.back?.grantWhatFits()
  }

  onEnd(): void {
    this.to?.end()
  }

  onAbort(error: StreamError): void {
    this.to?.abort(error)
  }

  /** `from` may send what `to` takes; so a write is always possible when data arrives. */
  grantWhatFits(): void {
    if (this.header !== null && this.to?.writable === true) {
      const header = this.header
      this.header = null
      this.to.write(header, undefined)
    }
    const room = (this.to?.credit ?? 0) - this.#granted
    if (this.header !== null || room <= 0) return
    this.#granted += room
    this.from?.grant(room)
  }
}

/**
 * Joins `near`, which was opened to us, with what `connect` opens. Returns the handler of `near`; null: nothing was opened.
 */
export function relay(
  near: Stream<Bytes>,
  header: Buffer,
  connect: (handler: StreamHandler<Bytes>) => Stream<Bytes> | null,
): StreamHandler<Bytes> | null {
  const onward = new Direction()
  const back = new Direction()
  onward.back = back
  back.back = onward
  onward.from = near
  onward.header = header
  back.to = near
  const far = connect(back)
  if (far === null) return null
  onward.to = far
  back.from = far
  onward.grantWhatFits()
  back.grantWhatFits()
  return onward
}
