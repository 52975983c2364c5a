/**
 * Joins an accepted stream with one to the next hop: data, room, acks, signals and ends pass both ways, nothing is kept.
 * Used where a binding only chooses the way.
 */
import type { Exit, Protocol, Stream, StreamError, StreamHandler } from '@zilla-ts/engine'

/** The handler for `near` once the next hop has taken the stream; null: it refused. */
export function splice<P extends Protocol>(exit: Exit<P>, open: P['open'], near: Stream<P>): StreamHandler<P> | null {
  const fromNear = new Half<P>()
  const fromFar = new Half<P>()
  fromFar.join(near, fromNear)
  const far = exit.connect(open, near.session, fromFar)
  if (far === null) return null
  fromNear.join(far, fromFar)
  fromNear.pass()
  return fromNear
}

/** Hears one stream and tells the other. */
class Half<P extends Protocol> implements StreamHandler<P> {
  /** where everything heard goes */
  #target: Stream<P> | null = null
  #other: Half<P> | null = null
  /** room given to my own peer and not used, never more than the target has */
  #given = 0

  join(target: Stream<P>, other: Half<P>): void {
    this.#target = target
    this.#other = other
  }

  /** Gives my peer the room that the target has got since. */
  pass(): void {
    const room = this.#target!.credit - this.#given
    if (room <= 0) return
    this.#given += room
    // My own stream is what the other half tells.
    this.#other!.#target!.grant(room)
  }

  onAccept(info: P['accept']): void {
    this.#target!.accept(info)
  }

  onData(payload: Buffer, meta: P['meta'], cost: number): void {
    this.#given -= cost
    this.#target!.write(payload, meta)
    this.pass()
  }

  onSignal(signal: P['signal']): void {
    this.#target!.signal(signal)
  }

  onWritable(): void {
    this.#other!.pass()
  }

  onAck(through: number, refused?: StreamError): void {
    this.#target!.ack(through, refused)
  }

  onEnd(): void {
    this.#target!.end()
  }

  onAbort(error: StreamError): void {
    this.#target!.abort(error)
  }
}
