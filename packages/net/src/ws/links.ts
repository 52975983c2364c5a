/** What all WebSockets of one binding share: limits, counters, deadlines. */
import { type BindingContext, type Clock, type Counter, EventLimiter, type Protocol } from '@zilla-ts/engine'
import { Watch, type Watched } from '../watch.ts'
import type { WsConfig, WsLimits } from './ws.config.ts'

/** A message in more frames than this is no message but an attack on our memory. */
const FRAGMENTS_MAX = 4_096

export class Links {
  readonly clock: Clock
  readonly limits: WsLimits
  readonly watch: Watch<Watched>
  readonly events: EventLimiter
  readonly opened: Counter
  readonly active: Counter
  readonly refused: Counter
  readonly timedOut: Counter
  readonly protocolErrors: Counter

  constructor({ clock, options, report }: BindingContext<WsConfig, Protocol>) {
    this.clock = clock
    this.limits = options.limits
    this.watch = new Watch(clock, report)
    this.events = new EventLimiter(report, clock)
    this.opened = report.counter('ws.connections.opened')
    this.active = report.counter('ws.connections.active')
    this.refused = report.counter('ws.connections.refused')
    this.timedOut = report.counter('ws.connections.timedOut')
    this.protocolErrors = report.counter('ws.protocol.errors')
  }

  /** Settings of the `ws` library. Pings are answered here, for one that reads nothing could make it answer without bound. */
  get settings() {
    return {
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: this.limits.messageBytes,
      maxFragments: FRAGMENTS_MAX,
      maxBufferedChunks: FRAGMENTS_MAX,
    }
  }
}
