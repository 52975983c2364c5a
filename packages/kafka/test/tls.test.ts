/** Connections to brokers through a tls client: kafkajs works on its sockets, and says nothing to whom it should not trust. */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { SystemClock, type Vault } from '@zilla-ts/engine'
import { type Bytes, tls } from '@zilla-ts/net'
import { Harness, TestExit, TestReporter } from '@zilla-ts/testing'
import { Authority } from '@zilla-ts/testing/authority'
import { afterEach, describe, expect, it } from 'vitest'
import { BrokerConnection, splitAddress } from '../src/client/connection.ts'
import { apiKeys, requests } from '../src/client/kafkajs.ts'
import { ClientSite } from '../src/client/site.ts'

const SETTINGS = { holdMs: 60_000, askMs: 30_000, metadataMaxAgeMs: 300_000, produceBytesMax: 1 << 20 }
/** ApiVersions answer: no error, Metadata (3) in versions 0 to 0. */
const VERSIONS = Buffer.from([0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0])
/** Metadata answer: no broker, no topic. */
const METADATA = Buffer.alloc(8)

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const action of undo.splice(0).reverse()) await action()
})

/** A broker that answers ApiVersions and Metadata over TLS, and counts what it was asked. */
async function broker(authority: Authority) {
  const { key, chain } = await authority.issue('broker', { names: ['localhost'] })
  const asked: Buffer[] = []
  const server = createServer({ key, cert: chain }, (socket: TLSSocket) => {
    undo.push(() => socket.destroy())
    socket.on('error', () => {})
    socket.on('data', (request) => {
      const answer = asked.push(request) === 1 ? VERSIONS : METADATA
      const head = Buffer.alloc(8)
      head.writeInt32BE(4 + answer.length, 0)
      request.copy(head, 4, 8, 12)
      socket.write(Buffer.concat([head, answer]))
    })
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.push(() => server.close())
  return { asked, address: `localhost:${(server.address() as AddressInfo).port}` }
}

async function connection(address: string, trusted: Authority) {
  const clock = new SystemClock((where, error) => expect.fail(`${where}: ${error}`))
  const trust = [{ name: 'ca', certificate: trusted.pem }]
  const vault: Vault = { keys: [], trust, signers: [], onChange() {} }
  const exit = new TestExit<Bytes>('tcp', new TestReporter())
  exit.onDial = ({ remote }) => connect({ ...remote!, allowHalfOpen: true })
  const route = { when: [], with: undefined, exit, permits: () => true }
  const client = new Harness(tls, { kind: 'client', options: { trust: ['ca'] }, routes: [route], vault, clock })
  await client.binding.start?.()
  undo.push(() => client.binding.stop?.())
  const site = new ClientSite('client', clock, new TestReporter(), SETTINGS, [address], (to) => {
    const [host, port] = splitAddress(to!)
    return client.binding.dial!({ remote: { host, port } }, null)
  })
  const made = new BrokerConnection(site, address, () => {})
  undo.push(() => made.close(site.unavailable('the test ends')))
  return made
}

describe('a connection over TLS', () => {
  it('asks and is answered', async () => {
    const authority = await Authority.create('authority')
    const { address, asked } = await broker(authority)
    const made = await connection(address, authority)
    await made.open()
    const call = made.call(apiKeys.Metadata, requests.Metadata)({ topics: [], allowAutoTopicCreation: false })
    expect(await made.send(call, 5_000)).toMatchObject({ brokers: [], topicMetadata: [] })
    expect(asked).toHaveLength(2)
  })

  it('says nothing to a broker that nobody trusted vouches for', async () => {
    const { address, asked } = await broker(await Authority.create('authority'))
    const made = await connection(address, await Authority.create('another'))
    await expect(made.open()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('unable to'),
    })
    expect(asked).toEqual([])
  })
})
