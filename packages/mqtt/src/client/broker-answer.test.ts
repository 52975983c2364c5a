import { describe, expect, it } from 'vitest'
import { CODES_OF, ReasonCode } from '../codec/reason-codes.ts'
import { connackError, disconnectError, publishError, redirectOf } from './broker-answer.ts'

const connack = (reasonCode: number) =>
  ({ type: 'connack', sessionPresent: false, reasonCode, properties: null }) as const
const disconnect = (reasonCode: number) => ({ type: 'disconnect', reasonCode, properties: null }) as const
const puback = (reasonCode: number) => ({ type: 'puback', packetId: 1, reasonCode, properties: null }) as const

describe('a broker that says no', () => {
  it('is understood whatever code of CONNACK it uses (§3.2.2.2)', () => {
    for (const code of [...CODES_OF.connack].filter((value) => value >= ReasonCode.UnspecifiedError)) {
      expect(connackError(connack(code), 5).message).toContain(`0x${code.toString(16)}`)
    }
    expect(connackError(connack(ReasonCode.Banned), 5).code).toBe('not-authorized')
    expect(connackError(connack(ReasonCode.UnspecifiedError), 5).code).toBe('unavailable')
    expect(connackError(connack(ReasonCode.ConnectionRateExceeded), 5).code).toBe('quota')
  })

  it('is understood in 3.1.1 (§3.2.2.3)', () => {
    expect([1, 2, 3, 4, 5].map((code) => connackError(connack(code), 4).code)).toEqual([
      'refused',
      'invalid',
      'unavailable',
      'not-authorized',
      'not-authorized',
    ])
  })

  it('is understood whatever code of DISCONNECT it uses (§3.14.2.1)', () => {
    const codes = Object.fromEntries(
      [...CODES_OF.disconnectByServer].map((code) => [code, disconnectError(disconnect(code)).code]),
    )
    expect(codes[ReasonCode.SessionTakenOver]).toBe('taken-over')
    expect(codes[ReasonCode.ServerShuttingDown]).toBe('shutdown')
    expect(codes[ReasonCode.ServerBusy]).toBe('unavailable')
    expect(codes[ReasonCode.PacketTooLarge]).toBe('too-large')
    expect(codes[ReasonCode.AdministrativeAction]).toBe('closed')
  })

  it('refuses one message in the words of a publish stream (§3.4.2.1)', () => {
    expect(publishError(puback(ReasonCode.NotAuthorized)).code).toBe('not-authorized')
    expect(publishError(puback(ReasonCode.TopicNameInvalid)).code).toBe('invalid')
    expect(publishError(puback(ReasonCode.QuotaExceeded)).code).toBe('quota')
    expect(publishError(puback(ReasonCode.ImplementationSpecificError)).code).toBe('unavailable')
  })

  it('may give its reason, of which so much is kept', () => {
    const error = disconnectError({ ...disconnect(0x98), properties: { reasonString: 'x'.repeat(10_000) } })
    expect(error.message).toMatch(/^the broker disconnects \(0x98\): x{200}$/)
  })

  it('names another server only with the codes that mean it (§4.11)', () => {
    const properties = { serverReference: 'other' }
    expect(redirectOf({ ...connack(0x9c), properties })).toEqual({
      kind: 'redirect',
      reference: 'other',
      permanent: false,
    })
    expect(redirectOf({ ...disconnect(0x9d), properties })).toMatchObject({ permanent: true })
    expect(redirectOf({ ...connack(0x87), properties })).toBeNull()
    expect(redirectOf(connack(0x9c))).toBeNull()
  })
})
