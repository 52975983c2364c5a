/** Holds what is on the topics, and what subscribers got, against what publishers sent. The engines have been stopped. */
import type { Findings } from './findings.ts'
import { type Lane, parsePayload } from './lanes.ts'
import type { Stage } from './stage.ts'
import type { Receipts, Subscriber } from './subscriber.ts'

/** Counts what is stored, by lane, and looks at its order; records of other keys are counted in what is returned. */
export async function readMessages(stage: Stage, lanes: readonly Lane[]): Promise<ReadonlyMap<string, number>> {
  const { findings } = stage
  const others = new Map<string, number>()
  const last = lanes.map(() => -1)
  await stage.read('messages', (key, value) => {
    const parsed = value === null ? null : parsePayload(value)
    const lane = lanes[parsed?.lane ?? -1]
    if (parsed === null || lane === undefined || lane.topic !== key) {
      others.set(key, (others.get(key) ?? 0) + 1)
      return
    }
    findings.count('messages stored')
    if (lane.stored.add(parsed.number) > 1) return
    if (parsed.number < last[lane.index]!) {
      findings.violate('P3', `log: ${key} ${parsed.number} stands after ${last[lane.index]}`)
    } else last[lane.index] = parsed.number
  })
  return others
}

/** The last value of each key. */
export async function readRetained(stage: Stage): Promise<ReadonlyMap<string, string | null>> {
  const values = new Map<string, string | null>()
  await stage.read('retained', (key, value) => values.set(key, value))
  return values
}

export function verifyStored(findings: Findings, lanes: readonly Lane[]): void {
  for (const lane of lanes) {
    for (let number = 0; number < lane.length; number++) {
      const stored = lane.stored.get(number)
      const acknowledged = lane.acknowledged.get(number) > 0
      if (acknowledged) findings.count(`messages of QoS ${lane.qos} acknowledged`)
      if (acknowledged && stored === 0) findings.violate('P1', `log: ${lane.topic} ${number} is missing`)
      if (stored > 1) findings.count(`records of QoS ${lane.qos} that are there again`, stored - 1)
      if (lane.qos === 2 && stored > 1) findings.violate('P2', `log: ${lane.topic} ${number} is there ${stored} times`)
      if (stored > lane.sent.get(number)) {
        findings.violate(
          'P2',
          `log: ${lane.topic} ${number}, sent ${lane.sent.get(number)} times, is there ${stored} times`,
        )
      }
    }
  }
}

/** Everything that is stored must have come to every durable subscriber, since all subscribed before the first message. */
export function verifyReceived(findings: Findings, lanes: readonly Lane[], subscribers: readonly Subscriber[]): void {
  for (const subscriber of subscribers) {
    for (const lane of lanes) verifyLane(findings, lane, subscriber, subscriber.receipts[lane.index]!)
  }
}

function verifyLane(findings: Findings, lane: Lane, { peer, qos }: Subscriber, receipts: Receipts): void {
  const isExact = Math.min(qos, lane.qos) === 2
  for (let number = 0; number < lane.length; number++) {
    const stored = lane.stored.get(number)
    const copies = receipts.copies.get(number)
    const what = `${peer.id}: ${lane.topic} ${number}`
    if (copies > 0) findings.count('deliveries', copies)
    if (stored > 0 && copies === 0) findings.violate('P4', `${what} did not come`)
    if (stored === 0 && copies > 0) findings.violate('P1', `${what} came, and is not in the log`)
    if (copies > stored) findings.count('deliveries of QoS 1 that came again', isExact ? 0 : copies - stored)
    if (isExact && copies > stored) findings.violate('P2', `${what} came ${copies} times`)
    if (receipts.most.get(number) > stored && stored > 0) {
      findings.violate('P2', `${what} came ${receipts.most.get(number)} times on one connection`)
    }
  }
}
