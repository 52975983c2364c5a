/** Keep-alive: who is closed for silence, and who is not. */
import { describe, expect, it } from 'vitest'
import { fresh, serve, targets } from './target.ts'

describe.each(targets)('keep-alive on $name', (target) => {
  const broker = serve(target)

  it.each([5, 4] as const)(
    'level %s: a silent client is closed [MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT-3.1.2-24]v3',
    async (version) => {
      const client = await broker.connect({ version, keepAliveSeconds: 1 })
      // A limit of the server may have taken its place; not here.
      expect(client.server.serverKeepAliveSeconds ?? 1).toBe(1)
      expect([null, 0x8d]).toContain(await client.closed())
    },
  )

  it.each([
    ['PINGREQ', 5],
    ['PINGREQ', 4],
    ['PUBLISH', 5],
    ['PUBLISH', 4],
  ] as const)('a client that sends %s, level %s, is kept [MQTT-3.1.2-22] [MQTT-3.1.2-24]v3', async (what, version) => {
    const topic = fresh('t')
    const client = await broker.connect({ version, keepAliveSeconds: 1 })
    const timer = setInterval(() => {
      if (what === 'PINGREQ') client.send({ type: 'pingreq' })
      else client.startPublish(topic, 'x')
    }, 200)
    try {
      await broker.pass(2)
    } finally {
      clearInterval(timer)
    }
    await client.ping()
  })

  it.for([5, 4] as const)('level %s: keep-alive 0 switches it off (§3.1.2.10)', async (version, context) => {
    const client = await broker.connect({ version, keepAliveSeconds: 0 })
    context.skip((client.server.serverKeepAliveSeconds ?? 0) > 0, 'the server has a limit of its own')
    await broker.pass(2)
    await client.ping()
  })
})

describe.each(targets)('a keep-alive limit of the server on $name', (target) => {
  const broker = serve(target, { limits: { keepAliveSeconds: 2 } })

  it.for([0, 600])(
    'is told to a client that asks for %s, and holds [MQTT-3.2.2-21] [MQTT-3.1.2-21] [MQTT-3.1.2-22]',
    async (keepAliveSeconds, context) => {
      const client = await broker.connect({ keepAliveSeconds })
      if (broker.isOurs) expect(client.server.serverKeepAliveSeconds).toBe(2)
      context.skip((client.server.serverKeepAliveSeconds ?? 3_600) > 5, 'the server has no short limit')
      expect([null, 0x8d]).toContain(await client.closed())
    },
  )

  it('is not told to a client that asks for less [MQTT-3.2.2-22]', async () => {
    const client = await broker.connect({ keepAliveSeconds: 1 })
    expect(client.server.serverKeepAliveSeconds ?? 1).toBe(1)
  })
})
