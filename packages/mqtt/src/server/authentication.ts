/**
 * Who the client of one connection is: asked of the guard at CONNECT, asked again when the client sends AUTH (MQTT 5.0
 * §4.12), and for how long the answer holds. Made only where somebody can say who clients are.
 */
import type { Credentials, Session, StreamError } from '@zilla-ts/engine'
import { encodeWithin } from '../codec/encoder.ts'
import type { AuthPacket, ConnectPacket } from '../codec/packets.ts'
import { ReasonCode } from '../codec/reason-codes.ts'
import type { Asker, Authorization } from './authorization.ts'
import type { Connection } from './connection.ts'
import { connackCode, connackText, disconnectCode } from './refusal.ts'

const NEVER = Number.POSITIVE_INFINITY

export class Authentication {
  /** Authentication Method of CONNECT; null: none, so that there is no AUTH */
  method: string | null = null
  readonly #connection: Connection
  /** null: what the byte stream says is all there is */
  readonly #authorization: Authorization | null
  /** of the byte stream */
  readonly #earlier: Session | null
  #session: Session | null
  /** epoch ms at which any of the sessions ends */
  #endsAt: number
  /** monotonic ms since when an AUTH waits for the guard; null: none does */
  #waitingSince: number | null = null

  constructor(connection: Connection, authorization: Authorization | null, earlier: Session | null) {
    this.#connection = connection
    this.#authorization = authorization
    this.#earlier = earlier
    this.#session = earlier
    this.#endsAt = endOf(earlier)
  }

  /** in force; null: nobody knows who it is */
  get session(): Session | null {
    return this.#session
  }

  /** The connection goes on with `identified`, or is told to `refuse`; at once where nobody has to be asked. */
  connect(packet: ConnectPacket): void {
    const { authenticationMethod, authenticationData } = packet.properties ?? {}
    this.method = authenticationMethod ?? null
    const authorization = this.#authorization
    const shown = this.method === null ? authorization?.shownBy(packet) : authorization?.shownIn(authenticationData)
    if (authorization !== null && shown != null) {
      authorization.ask(shown, this.#earlier, new ConnectAsker(this, this.#connection))
    } else if (this.method !== null) {
      this.#connection.refuse({
        reasonCode: ReasonCode.NotAuthorized,
        text: 'no credentials in the authentication data',
      })
    } else if (this.#isOver(this.#endsAt)) {
      this.#connection.refuse({ reasonCode: ReasonCode.NotAuthorized, text: 'what the client has shown has expired' })
    } else this.#connection.identified()
  }

  /** What CONNECT has shown is accepted, or not. */
  onConnectAnswer(session: Session | null): void {
    const named = this.method === null
    const reasonCode = named ? ReasonCode.BadUserNameOrPassword : ReasonCode.NotAuthorized
    if (session === null || this.#isOver(endOf(session))) {
      const text = session === null ? 'the credentials are not accepted' : 'the credentials have expired'
      this.#connection.refuse({ reasonCode, text })
      return
    }
    this.#accept(session)
    this.#connection.identified()
  }

  onAuth({ reasonCode, properties }: AuthPacket): void {
    const connection = this.#connection
    const { authenticationMethod, authenticationData } = properties ?? {}
    if (reasonCode !== ReasonCode.ReAuthenticate) {
      // [MQTT-4.12.0-3] a continuation answers an AUTH of ours, and there is none
      connection.fail(ReasonCode.ProtocolError, 'AUTH continues what was not begun ([MQTT-4.12.0-3])')
    } else if (authenticationMethod !== this.method) {
      connection.fail(ReasonCode.BadAuthenticationMethod, 'AUTH with another method than CONNECT ([MQTT-4.12.1-1])')
    } else if (this.#waitingSince !== null) {
      connection.fail(ReasonCode.ProtocolError, 'AUTH before the one before is answered (§4.12.1)')
    } else this.#ask(this.#authorization?.shownIn(authenticationData) ?? null)
  }

  /** [MQTT-4.12.1-2] whatever is wrong, the connection ends. Meanwhile it goes on as before. */
  onAuthAnswer(session: Session | null): void {
    const before = this.#session
    this.#waitingSince = null
    if (session === null) this.#reject('the fresh credentials are not accepted')
    else if (this.#isOver(endOf(session))) this.#reject('the fresh credentials have expired')
    else if (before === null || before.guard !== session.guard || before.identity !== session.identity) {
      this.#reject('the fresh credentials are of another identity')
    } else {
      this.#accept(session)
      if (this.#connection.reauthorized(session)) this.#confirm()
    }
  }

  onNoAuthAnswer(error: StreamError): void {
    this.#waitingSince = null
    this.#connection.disconnect(disconnectCode(error.code), error.message)
  }

  /** Deadlines; `now` is monotonic. */
  check(now: number, answerMs: number): void {
    if (isRevoked(this.#session)) {
      this.#connection.revoked()
    } else if (this.#isOver(this.#endsAt)) {
      // "The maximum connection time authorized for this connection has been exceeded" (table 3.10) is what an end that
      // was known at CONNECT is; 0x87 would say that something was asked for that is not allowed.
      this.#connection.disconnect(ReasonCode.MaximumConnectTime, 'what the client has shown has expired')
    } else if (this.#waitingSince !== null && now - this.#waitingSince >= answerMs) {
      this.#connection.disconnect(ReasonCode.ServerBusy, 'the guard has not answered in time')
    }
  }

  #ask(shown: Credentials | null): void {
    if (this.#authorization === null || shown === null) {
      this.#reject('no credentials in the authentication data')
      return
    }
    this.#waitingSince = this.#connection.server.clock.monotonic()
    this.#authorization.ask(shown, this.#earlier, new AuthAsker(this, this.#connection))
  }

  #accept(session: Session): void {
    this.#session = session
    this.#endsAt = endOf(session)
  }

  #reject(text: string): void {
    this.#connection.disconnect(ReasonCode.NotAuthorized, text)
  }

  /** [MQTT-4.12.0-5] */
  #confirm(): void {
    const properties = { authenticationMethod: this.method ?? '' }
    const packet = { type: 'auth', reasonCode: ReasonCode.Success, properties } as const
    const bytes = encodeWithin(packet, 5, this.#connection.clientMaximumPacketSize)
    if (bytes === null) this.#connection.disconnect(ReasonCode.PacketTooLarge, 'AUTH is larger than the client takes')
    else this.#connection.send(bytes)
  }

  #isOver(endsAt: number): boolean {
    return endsAt !== NEVER && this.#connection.server.clock.now() >= endsAt
  }
}

/** The earliest end of all that was shown, epoch ms. */
function endOf(session: Session | null): number {
  let end = NEVER
  for (let each = session; each !== null; each = each.earlier) end = Math.min(end, each.expiresAt ?? NEVER)
  return end
}

/** A guard has taken back any of what was shown. */
function isRevoked(session: Session | null): boolean {
  for (let each = session; each !== null; each = each.earlier) if (each.revoked === true) return true
  return false
}

class ConnectAsker implements Asker {
  readonly #authentication: Authentication
  readonly #connection: Connection
  constructor(authentication: Authentication, connection: Connection) {
    this.#authentication = authentication
    this.#connection = connection
  }
  onAnswer(session: Session | null): void {
    this.#authentication.onConnectAnswer(session)
  }
  onNoAnswer(error: StreamError): void {
    const text = error.code === 'unavailable' ? 'credentials cannot be checked now' : connackText(error.code)
    this.#connection.refuse({ reasonCode: connackCode(error.code), text }, error.message)
  }
  onFault(error: unknown): void {
    this.#connection.fault(error)
  }
}

class AuthAsker implements Asker {
  readonly #authentication: Authentication
  readonly #connection: Connection
  constructor(authentication: Authentication, connection: Connection) {
    this.#authentication = authentication
    this.#connection = connection
  }
  onAnswer(session: Session | null): void {
    this.#authentication.onAuthAnswer(session)
  }
  onNoAnswer(error: StreamError): void {
    this.#authentication.onNoAuthAnswer(error)
  }
  onFault(error: unknown): void {
    this.#connection.fault(error)
  }
}
