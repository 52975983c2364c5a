/**
 * A process of its own that writes to a log until it is killed or the log refuses: for the tests of crashes and full disks.
 * Arguments: directory, sync. Says on stdout, a line each: `open`, `acked <n>` (all records below n are stored),
 * `refused`, `closed`. Timers run a hundred times as fast.
 */
import { writeSync } from 'node:fs'
import { SystemClock, type Task, type Timer } from '@zilla-ts/engine'
import { KafkaWriter } from '../../testing/src/kafka-streams.ts'
import { Embedded } from './embedded.ts'

class HastyClock extends SystemClock {
  override monotonic(): number {
    return super.monotonic() * 100
  }
  override after(ms: number, task: Task): Timer {
    return super.after(ms / 100, task)
  }
}

const [directory = '', sync] = process.argv.slice(2)
const say = (line: string): void => void writeSync(1, `${line}\n`)

const clock = new HastyClock((where, error) => say(`fault ${where} ${error}`))
const embedded = new Embedded(
  { sync: sync === 'os' ? 'os' : 'flush', topics: [{ name: 't', partitions: 2 }] },
  clock,
  directory,
)
await embedded.harness.binding.start?.()
say('open')

const writer = new KafkaWriter()
writer.open(embedded.connect.bind(embedded), { kind: 'produce', topic: 't' })
let sent = 0
const refill = (): void => {
  if (writer.aborted !== null || sent - writer.answered > 2_000) return
  for (let n = 0; n < 100; n++, sent++) writer.send({ value: `${sent}:${'x'.repeat(sent % 500)}`, hash: sent })
}
const interval = setInterval(() => {
  if (writer.aborted === null) return
  clearInterval(interval)
  void embedded.harness.binding.stop?.().then(() => say('closed'))
}, 1)
writer.onAck = (through, refused) => {
  KafkaWriter.prototype.onAck.call(writer, through, refused)
  say(`acked ${through}`)
  refill()
}
writer.onSignal = (signal) => {
  if (signal.kind === 'available' && !signal.available) say('refused')
}
refill()
