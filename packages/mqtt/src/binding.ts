/** The `mqtt` binding: its kinds, its schema, and what the schema cannot say. */
import type { Binding, BindingContext, BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { MqttClient } from './client/client.ts'
import { serverAddress } from './client/server-address.ts'
import { FilterCover } from './filter-cover.ts'
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
  findings.push(...checkOrder(entry))
  const server = entry.options?.server
  if (server !== undefined) findings.push(...checkServer(server))
  return findings
}

/** Topics that an earlier route takes. */
function checkOrder({ routes = [] }: BindingEntry<MqttConfig>): Finding[] {
  const covers = { publish: new FilterCover({ spans: false }), subscribe: new FilterCover({ spans: false }) }
  return routes.flatMap((route, at) =>
    (['publish', 'subscribe'] as const).flatMap((kind) => {
      const patterns = (route.when ?? []).flatMap(({ session, [kind]: topics = [] }, item) =>
        topics.map(({ topic, ...others }, place) => ({
          path: ['routes', at, 'when', item, kind, place, 'topic'],
          topic,
          limited: session !== undefined || Object.keys(others).length > 0,
        })),
      )
      return covers[kind].check(at, route, patterns)
    }),
  )
}

function checkServer(server: string): Finding[] {
  const path = ['options', 'server']
  try {
    serverAddress(server)
  } catch (error) {
    return [{ level: 'error', path, code: 'server-invalid', message: (error as Error).message }]
  }
  if (!server.startsWith('mqtts:')) return []
  const message = 'mqtts names the port only: nothing is encrypted unless the exit does it'
  return [{ level: 'warning', path, code: 'server-not-encrypted', message }]
}

/** What the exit of a kind speaks is checked by name before `attach` runs. */
type Context<Out extends Mqtt | Bytes> = BindingContext<MqttConfig, Out>

export const mqtt = {
  type: 'mqtt',
  kinds: { server: { accepts: 'bytes', produces: 'mqtt' }, client: { accepts: 'mqtt', produces: 'bytes' } },
  schema,
  check,
  attach(context: Context<Mqtt | Bytes>): Binding<Mqtt | Bytes> {
    if (context.kind === 'client') return new MqttClient(context as Context<Bytes>)
    return new MqttServer(context as Context<Mqtt>)
  },
} satisfies BindingModule<MqttConfig, Mqtt | Bytes, Mqtt | Bytes>
