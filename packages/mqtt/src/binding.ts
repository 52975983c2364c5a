/** The `mqtt` binding: its kinds, its schema, and what the schema cannot say. */
import type { Binding, BindingContext, BindingEntry, BindingModule, Finding } from '@zilla-ts/engine'
import type { Bytes } from '@zilla-ts/net'
import { checkLogin } from './client/authorization.ts'
import { MqttClient } from './client/client.ts'
import { serverAddress } from './client/server-address.ts'
import { type MqttConfig, schema } from './mqtt.config.ts'
import { checkAuthorization } from './server/authorization.ts'
import { checkConditions, checkOrder } from './server/condition-check.ts'
import { MqttServer } from './server/server.ts'
import { checkTopics } from './server/topic-models.ts'
import type { Mqtt } from './stream.ts'

function check(entry: BindingEntry<MqttConfig>, exits: readonly BindingEntry[] | null = null): Finding[] {
  const findings: Finding[] = checkTopics(entry.options?.topics)
  const { keepAliveSecondsMin: least, keepAliveSeconds: most } = entry.options?.limits ?? {}
  if (least !== undefined && most !== undefined && least > most) {
    const message = `the shortest keep-alive, ${least} s, is above the longest, ${most} s`
    const path = ['options', 'limits', 'keepAliveSecondsMin']
    findings.push({ level: 'error', path, code: 'keep-alive-range-empty', message })
  }
  if (entry.kind === 'server') {
    const guarded = entry.routes?.some((route) => Object.keys(route.guarded ?? {}).length > 0) === true
    findings.push(...checkAuthorization(entry.options?.authorization, guarded))
  }
  findings.push(...checkConditions(entry.routes), ...checkOrder(entry.routes))
  const { unconnectedBytes = 0, connectBytes = 0 } = entry.options?.limits ?? {}
  if (entry.kind === 'server' && unconnectedBytes < connectBytes) {
    const message = `a CONNECT may have ${connectBytes} bytes, but all that are under way together only ${unconnectedBytes}`
    const path = ['options', 'limits', 'unconnectedBytes']
    findings.push({ level: 'error', path, code: 'connect-bytes-unreachable', message })
  }
  const server = entry.options?.server
  if (server !== undefined) findings.push(...checkServer(server, exits))
  const authorization = entry.kind === 'client' ? entry.options?.authorization : undefined
  if (authorization !== undefined) findings.push(...checkLogin(authorization))
  return findings
}

function checkServer(server: string, exits: readonly BindingEntry[] | null): Finding[] {
  const path = ['options', 'server']
  try {
    serverAddress(server)
  } catch (error) {
    return [{ level: 'error', path, code: 'server-invalid', message: (error as Error).message }]
  }
  if (!server.startsWith('mqtts:') || exits?.every(({ type }) => type === 'tls')) return []
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
