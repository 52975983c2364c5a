/** A start while Kafka is away: clients are told so, by a server that listens. */
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { connackOf, mqttDocument, startEngine } from './fixture.ts'

/** Nobody listens there. */
async function freeAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

it('listens, and answers CONNECT with Server unavailable', async () => {
  const engine = await startEngine(mqttDocument('kafka', await freeAddress()))
  await expect(connackOf(engine.port, { protocolVersion: 5 })).rejects.toMatchObject({ code: 0x88 })
  await expect(connackOf(engine.port, { protocolVersion: 4 })).rejects.toMatchObject({ code: 3 })
  expect(engine.output.match(/KAFKA_UNAVAILABLE/g)).toHaveLength(1)
})
