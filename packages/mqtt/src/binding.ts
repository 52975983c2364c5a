/** The `mqtt` binding: its kinds, its schema, and what the schema cannot say. */
import type { BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { type MqttConfig, schema } from './mqtt.config.ts'
import { MqttServer } from './server/server.ts'
import { checkTopics } from './server/topic-models.ts'
import { TopicPattern } from './server/topic-pattern.ts'
import type { Mqtt } from './stream.ts'

function check(entry: BindingEntry<MqttConfig>): Finding[] {
  const findings: Finding[] = checkTopics(entry.options?.topics)
  const { keepAliveSecondsMin: least, keepAliveSeconds: most } = entry.options?.limits ?? {}
  if (least !== undefined && most !== undefined && least > most) {
    const message = `the shortest keep-alive, ${least} s, is above the longest, ${most} s`
    const path = ['options', 'limits', 'keepAliveSecondsMin']
    findings.push({ level: 'error', path, code: 'keep-alive-range-empty', message })
  }
  entry.routes?.forEach((route, at) => {
    route.when?.forEach((when, item) => {
      for (const kind of ['publish', 'subscribe'] as const) {
        when[kind]?.forEach(({ topic }, place) => {
          try {
            new TopicPattern(topic)
          } catch (error) {
            const path = ['routes', at, 'when', item, kind, place, 'topic']
            findings.push({ level: 'error', path, code: 'topic-pattern-invalid', message: (error as Error).message })
          }
        })
      }
    })
  })
  return findings
}

export const mqtt: BindingModule<MqttConfig, Bytes, Mqtt> = {
  type: 'mqtt',
  kinds: { server: { accepts: 'bytes', produces: 'mqtt' } },
  schema,
  check,
  attach: (context) => new MqttServer(context),
}
