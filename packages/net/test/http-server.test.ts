import type { Guard, Session } from '@zilla-ts/engine'
import { StreamError } from '@zilla-ts/engine'
import { afterEach, describe, expect, it } from 'vitest'
import { cleanUp, fakeClock, frame, RawClient, startWeb, until, upgradeRequest, type WebOptions } from './web.ts'

afterEach(cleanUp)

async function answerTo(request: string | Buffer, options: WebOptions = {}, pieceBytes?: number): Promise<RawClient> {
  const { port, http, harness } = await startWeb(options)
  const client = await RawClient.dial(port)
  client.send(request as string, pieceBytes)
  await until(() => client.status !== 0 || client.closed)
  expect([...http.reporter.faults, ...harness.reporter.faults]).toEqual([])
  return client
}

const MQTT_ROUTE = { when: [{ headers: { ':path': '/mqtt', upgrade: 'websocket' } }] }
const FIELDS = Array.from({ length: 101 }, (_, at) => `X-${at}: 1\r\n`).join('')

describe('requests', () => {
  it.each<[string, string, number]>([
    ['a plain request of a WebSocket', 'GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n', 426],
    ['with a query', 'GET /mqtt?a=b HTTP/1.1\r\nHost: a\r\n\r\n', 426],
    ['with a body', 'POST /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', 426],
    ['that waits for 100', 'POST /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n', 426],
    ['of HTTP/1.0', 'GET /mqtt HTTP/1.0\r\n\r\n', 426],
    ['of another path', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 404],
    ['an upgrade of another path', upgradeRequest({}, 'GET / HTTP/1.1'), 404],
    ['an upgrade to HTTP/2', upgradeRequest({ Upgrade: 'h2c' }), 426],
    ['an upgrade to HTTP/2 elsewhere', upgradeRequest({ Upgrade: 'h2c' }, 'GET / HTTP/1.1'), 404],
    ['a target through a proxy', upgradeRequest({}, 'GET http://localhost/mqtt HTTP/1.1'), 101],
    ['an upgrade in other letters', upgradeRequest({ Upgrade: 'WebSocket' }), 101],
    ['no Host', 'GET /mqtt HTTP/1.1\r\n\r\n', 400],
    ['an upgrade without Host', upgradeRequest({ Host: null }), 400],
    ['two Hosts', 'GET /mqtt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['an upgrade with two Hosts', upgradeRequest({ host: 'b' }), 400],
    ['no HTTP', '\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['two lengths', 'POST /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n', 400],
    ['a header beyond the limit', `GET /mqtt HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}`, 431],
    ['a path beyond the limit', `GET /${'x'.repeat(20_000)}`, 431],
    ['fields beyond the limit', `GET /mqtt HTTP/1.1\r\nHost: a\r\n${FIELDS}\r\n`, 431],
    [
      'fields beyond the limit in an upgrade',
      upgradeRequest({ 'Sec-WebSocket-Version': `13\r\n${FIELDS.trim()}` }),
      431,
    ],
    ['no key', upgradeRequest({ 'Sec-WebSocket-Key': null }), 400],
    ['a short key', upgradeRequest({ 'Sec-WebSocket-Key': 'AAAA' }), 400],
    ['two keys', upgradeRequest({ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }), 400],
    ['no version', upgradeRequest({ 'Sec-WebSocket-Version': null }), 400],
    ['another version', upgradeRequest({ 'Sec-WebSocket-Version': '14' }), 400],
    ['an upgrade of POST', upgradeRequest({}, 'POST /mqtt HTTP/1.1'), 405],
    ['malformed subprotocols', upgradeRequest({ 'Sec-WebSocket-Protocol': 'mqtt,,' }), 400],
  ])('%s', async (_name, request, status) => {
    const client = await answerTo(request, MQTT_ROUTE)
    expect(client.status, client.text).toBe(status)
    if (status === 426) expect(client.text).toContain('\r\nUpgrade: websocket\r\n')
    if (status >= 400 && status !== 404 && status !== 426) await until(() => client.closed)
  })

  it('takes an upgrade that comes byte by byte, with frames behind it', async () => {
    const { port, exit } = await startWeb(MQTT_ROUTE)
    const client = await RawClient.dial(port)
    client.send(Buffer.concat([Buffer.from(upgradeRequest()), frame('one'), frame('two')]), 1)
    await until(() => exit.opened[0]?.recorder.data.length === 2 && client.status === 101)
    expect(client.text).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n')
    expect(client.text).toContain('\r\nSec-WebSocket-Protocol: mqtt\r\n')
  })

  it('takes frames that come in one chunk with the upgrade', async () => {
    const { port, exit } = await startWeb(MQTT_ROUTE)
    const client = await RawClient.dial(port)
    client.send(Buffer.concat([Buffer.from(upgradeRequest()), frame('one'), frame('two')]))
    await until(() => exit.opened[0]?.recorder.data.length === 2)
    expect(exit.opened[0]!.recorder.data.map(({ payload }) => String(payload))).toEqual(['one', 'two'])
    expect(exit.opened[0]!.open.remote).toEqual({ host: '127.0.0.1', port: client.socket.localPort })
  })

  it('answers several on one connection, up to the limit', async () => {
    const { port } = await startWeb({ ...MQTT_ROUTE, http: { limits: { requests: 3 } } })
    const client = await RawClient.dial(port)
    for (let sent = 1; sent <= 3; sent++) {
      client.send('GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n')
      await until(() => client.text.split('HTTP/1.1 426').length - 1 === sent)
    }
    await until(() => client.closed)
  })

  it('closes when an upgrade comes before earlier requests are answered', async () => {
    const { port, http, exit } = await startWeb(MQTT_ROUTE)
    const client = await RawClient.dial(port)
    client.send(`${'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3)}${upgradeRequest()}`)
    await until(() => client.closed)
    expect(client.text).not.toContain('101 Switching')
    expect(exit.opened).toEqual([])
    expect(http.reporter.counter('http.requests.malformed').value).toBe(1)
  })
})

describe('routes', () => {
  it.each<[Record<string, string>, string, Record<string, string>, number]>([
    [{ ':path': '/{tenant}/mqtt' }, '/acme/mqtt?x=1', {}, 101],
    [{ ':path': '/{tenant}/mqtt' }, '/acme/other/mqtt', {}, 404],
    [{ ':path': '/mqtt*' }, '/mqtt?x=1', {}, 101],
    [{ ':authority': '*.example.com' }, '/', { Host: 'a.example.com' }, 101],
    [{ ':authority': '*.example.com' }, '/', { Host: 'example.com' }, 404],
    [{ ':scheme': 'http', ':method': 'GET' }, '/', {}, 101],
    [{ ':scheme': 'https' }, '/', {}, 404],
    [{ 'X-Tenant': 'a*' }, '/', { 'x-tenant': 'acme' }, 101],
    [{ 'X-Tenant': 'a*' }, '/', {}, 404],
    [{ constructor: '*' }, '/', {}, 404],
  ])('%j takes %s %j: %i', async (headers, path, fields, status) => {
    const client = await answerTo(upgradeRequest(fields, `GET ${path} HTTP/1.1`), { when: [{ headers }] })
    expect(client.status).toBe(status)
  })
})

const cross = (allow?: object) => ({ 'access-control': { policy: 'cross-origin', ...(allow && { allow }) } })

describe('pages of other origins (RFC 6455 §10.2)', () => {
  it.each<[object, string, string, number]>([
    [{}, 'http://localhost', 'localhost', 101],
    [{}, 'http://localhost', 'localhost:80', 101],
    [{}, 'https://app.example.com', 'app.example.com', 101],
    [{}, 'https://app.example.com', 'app.example.com:443', 101],
    [{}, 'http://localhost:8080', 'localhost', 403],
    [{}, 'http://evil.example.com', 'localhost', 403],
    [{}, 'null', 'localhost', 403],
    [{}, 'file://', 'localhost', 403],
    [cross(), 'http://evil.example.com', 'localhost', 101],
    [cross({ origins: ['http://localhost:*'] }), 'http://localhost:8080', 'localhost', 101],
    [cross({ origins: ['http://localhost:*'] }), 'http://localhost', 'localhost', 101],
    [cross({ origins: ['http://localhost:*'] }), 'http://localhost.evil.example.com', 'localhost', 403],
    [cross({ origins: ['https://app.example.com'] }), 'https://APP.example.com', 'localhost', 101],
  ])('%j: %s on %s gets %i', async (options, Origin, Host, status) => {
    expect((await answerTo(upgradeRequest({ Origin, Host }), { http: options })).status).toBe(status)
  })

  it('answers what a browser asks before a request', async () => {
    const allow = { origins: ['http://a'], methods: ['GET'], headers: ['x-one', 'x-two'], credentials: true }
    const options = { http: { 'access-control': { policy: 'cross-origin', allow, 'max-age': 60 } } }
    const ask = (origin: string) =>
      `OPTIONS / HTTP/1.1\r\nHost: b\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: PUT\r\n\r\n`
    const client = await answerTo(ask('http://a'), options)
    expect(client.text.split('\r\n').filter((line) => /^(HTTP|Access|Vary)/.test(line))).toEqual([
      'HTTP/1.1 204 No Content',
      'Access-Control-Allow-Origin: http://a',
      'Vary: Origin',
      'Access-Control-Allow-Credentials: true',
      'Access-Control-Allow-Methods: GET',
      'Access-Control-Allow-Headers: x-one, x-two',
      'Access-Control-Max-Age: 60',
    ])
    expect((await answerTo(ask('http://c'), options)).text).not.toContain('Access-Control')
  })
})

/** Accepts `good` and `other`; only `good` has the role. */
const guard: Guard = {
  authorize: async ({ credentials, identity }, earlier) => {
    if (credentials === 'down') throw new StreamError('unavailable', 'no keys')
    if (credentials === 'broken') throw new Error('broken')
    if (credentials !== 'good' && credentials !== 'other') return null
    return { guard: 'test:g', earlier, identity: identity ?? credentials, roles: [], attributes: {}, expiresAt: null }
  },
  permits: () => true,
}
const permits = (session: Session | null) => session !== null && session.identity !== 'other'
const authorized = (credentials: object): WebOptions => ({
  http: { authorization: { g: { credentials } } },
  guards: { g: guard },
  permits,
})
const BEARER = { headers: { authorization: 'Bearer {credentials}' } }
const BASIC = { headers: { Authorization: 'Basic {username}:{password}' } }
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('authorization', () => {
  it.each<[object, Record<string, string>, string, number]>([
    [BEARER, { Authorization: 'Bearer good' }, '/', 101],
    [BEARER, { Authorization: 'bearer good' }, '/', 101],
    [BEARER, { Authorization: 'Bearer bad' }, '/', 401],
    [BEARER, { Authorization: 'Bearer other' }, '/', 403],
    [BEARER, { Authorization: 'Bearer down' }, '/', 503],
    [BEARER, { Authorization: 'Basic good' }, '/', 401],
    [BEARER, {}, '/', 401],
    [BASIC, { Authorization: basic('ann:good') }, '/', 101],
    [BASIC, { Authorization: basic('ann:bad') }, '/', 401],
    [BASIC, { Authorization: basic('good') }, '/', 401],
    [BASIC, { Authorization: 'Basic %%%' }, '/', 401],
    [{ cookies: { token: '{credentials}' } }, { Cookie: 'a=b; token=good; c=d' }, '/', 101],
    [{ cookies: { token: '{credentials}' } }, { Cookie: 'a=b; xtoken=good' }, '/', 401],
    [{ query: { token: '{credentials}' } }, {}, '/?a=b&token=good', 101],
    [{ query: { token: '{credentials}' } }, {}, '/?token=', 401],
    [{ ...BEARER, query: { token: '{credentials}' } }, {}, '/?token=good', 101],
  ])('%j shown %j on %s gets %i', async (credentials, fields, path, status) => {
    const client = await answerTo(upgradeRequest(fields, `GET ${path} HTTP/1.1`), authorized(credentials))
    expect(client.status).toBe(status)
    if (status === 401)
      expect(client.text).toMatch(/\r\nWWW-Authenticate: (Bearer|Basic realm="zilla", charset="UTF-8")\r\n/)
  })

  it('hands the session on', async () => {
    const { port, exit } = await startWeb(authorized(BASIC))
    const client = await RawClient.dial(port)
    client.send(upgradeRequest({ Authorization: basic('ann:good') }))
    await until(() => exit.opened.length === 1)
    expect(exit.opened[0]!.session?.identity).toBe('ann')
  })

  it('answers 503 and reports a guard that fails, without the credentials', async () => {
    const { port, http } = await startWeb(authorized(BEARER))
    const client = await RawClient.dial(port)
    client.send(upgradeRequest({ Authorization: 'Bearer broken' }))
    await until(() => client.closed)
    expect(client.status).toBe(503)
    expect(http.reporter.faults).toMatchObject([{ where: 'http.authorize' }])
  })

  it('logs neither query nor credentials', async () => {
    const { port, http } = await startWeb(authorized({ query: { token: '{credentials}' } }))
    const client = await RawClient.dial(port)
    client.send(upgradeRequest({ Authorization: 'Bearer sesame' }, 'GET /a?token=sesame HTTP/1.1'))
    await until(() => client.closed)
    expect(http.reporter.events).toHaveLength(1)
    expect(JSON.stringify(http.reporter.events)).not.toContain('sesame')
  })
})

describe('deadlines', () => {
  const later = async (clock: ReturnType<typeof fakeClock>, client: RawClient, seconds: number) => {
    clock.advance((seconds - 1) * 1_000)
    expect(client.socket.destroyed).toBe(false)
    clock.advance(3_000)
    await until(() => client.closed)
  }

  it.each<[string, string]>([
    ['nothing', ''],
    ['half a header', 'GET /mqtt HTTP/1.1\r\nHos'],
  ])('closes a connection that sent %s', async (_name, bytes) => {
    const clock = fakeClock()
    const { port, sockets, http } = await startWeb({ clock, http: { limits: { headerSeconds: 20 } } })
    const client = await RawClient.dial(port)
    await until(() => sockets.size === 1)
    if (bytes !== '') client.send(bytes)
    await later(clock, client, 20)
    expect(client.text).toBe('')
    expect(http.reporter.counter('http.connections.timedOut').value).toBe(1)
  })

  it('closes a connection that sends a field now and then', async () => {
    const clock = fakeClock()
    const { port, sockets } = await startWeb({ clock })
    const client = await RawClient.dial(port)
    await until(() => sockets.size === 1)
    client.send('GET / HTTP/1.1\r\n')
    for (let second = 0; second < 12; second++) {
      client.send(`X-${second}: 1\r\n`)
      clock.advance(1_000)
    }
    await until(() => client.closed)
  })

  it('closes a connection that is not used any more', async () => {
    const clock = fakeClock()
    const { port } = await startWeb({ clock, http: { limits: { keepAliveSeconds: 30 } } })
    const client = await RawClient.dial(port)
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => client.status === 426)
    await later(clock, client, 30)
  })

  it('does not wait for a guard without end', async () => {
    const clock = fakeClock()
    const never: Guard = { ...guard, authorize: () => new Promise(() => {}) }
    const { port, sockets } = await startWeb({ ...authorized(BEARER), guards: { g: never }, clock })
    const client = await RawClient.dial(port)
    client.send(upgradeRequest({ Authorization: 'Bearer good' }))
    await until(() => [...sockets][0]?.bytesRead)
    await later(clock, client, 10)
  })
})

describe('ends', () => {
  it('drains: what is no WebSocket yet is closed, the next connection refused', async () => {
    const { port, http, sockets } = await startWeb()
    const [idle, open] = [await RawClient.dial(port), await RawClient.dial(port)]
    open.send(upgradeRequest())
    await until(() => open.status === 101 && sockets.size === 2)
    await http.binding.drain!()
    await until(() => idle.closed)
    expect(open.closed).toBe(false)
    const late = await RawClient.dial(port)
    await until(() => late.closed)
  })

  it('refuses a neighbour that has no socket to give, and says so', async () => {
    const { http } = await startWeb()
    expect(http.binding.accept!({} as never, null as never)).toBeNull()
    expect(http.reporter.events).toMatchObject([{ event: 'HTTP_NO_SOCKET' }])
  })
})
