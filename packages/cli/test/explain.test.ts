/**
 * `zilla-ts explain connect | publish | subscribe`: what is said of three documents. The answers in explain/ are read by
 * people; `vitest -u` writes them anew. That they agree with an engine, explain-agrees.test.ts shows.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Authority } from '@zilla-ts/testing/authority'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainLine } from './explain-line.ts'

const FOLDER = join(import.meta.dirname, 'explain')
const DEVICE = '{"sub":"c1","scope":"device","site":"7"}'

let directory = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zilla-explain-'))
  const authority = await Authority.create('ca')
  writeFileSync(join(directory, 'client.pem'), (await authority.issue('gateway')).chain)
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Name of the answer, the exit code, the words of the command line but the document. */
type Case = readonly [name: string, code: number, words: readonly string[]]

const GUARDED: readonly Case[] = [
  ['admin', 0, ['connect', '-i', 'x', '-p', '1883', '--claims', '{"sub":"root","scope":"admin"}']],
  ['anonymous', 1, ['connect', '-i', 'c1-a', '-p', '1883']],
  ['nonsense', 1, ['connect', '-i', 'c1-a', '-p', '1883', '--token', 'nonsense']],
  ['password-only', 1, ['connect', '-i', 'c1-a', '-p', '1883', '-u', 'c1']],
  ['nobody', 1, ['connect', '-i', 'c1-a', '-p', '1883', '--claims', '{}']],
  ['other-client', 1, ['connect', '-i', 'c2-a', '-p', '1883', '--claims', DEVICE]],
  ['every-port', 0, ['connect', '-i', 'c1-a', '--claims', DEVICE]],
  ['other-host', 1, ['connect', '-i', 'c1-a', '--claims', DEVICE, '--host', '10.0.0.1']],
  [
    'alarm',
    0,
    ['publish', '-i', 'c1-a', '-p', '1883', '-t', 'site/7/alarm/x', '-q', '1', '--retain', '--claims', DEVICE],
  ],
  [
    'properties',
    0,
    [
      ...[
        'publish',
        '-i',
        'c1-a',
        '-p',
        '1883',
        '-t',
        'site/7/x',
        '--partitions',
        '100',
        '--expiry',
        '60',
        '--claims',
        DEVICE,
      ],
      ...['--content-type', 'text/plain', '--response-topic', 'r/1', '--user-property', 'zilla:qos=9'],
    ],
  ],
  ['clear', 0, ['publish', '-i', 'c1-a', '-p', '1883', '-t', 'site/7/x', '-r', '--payload', '', '--claims', DEVICE]],
  ['other-site', 1, ['publish', '-i', 'c1-a', '-p', '1883', '-t', 'site/8/x', '--claims', DEVICE]],
  [
    'no-kafka-name',
    1,
    ['publish', '-i', 'x', '-p', '1883', '-t', 'site/ü/alarm/x', '--claims', '{"sub":"root","scope":"admin"}'],
  ],
  ['qos', 1, ['publish', '-i', 'c1-a', '-p', '1883', '-t', 'site/7/x', '-q', '2', '--claims', DEVICE]],
  ['wildcard', 1, ['publish', '-i', 'c1-a', '-p', '1883', '-t', 'site/7/#', '--claims', DEVICE]],
  [
    'site-of-two-levels',
    1,
    ['publish', '-i', 'c1-a', '-p', '1883', '-t', 'site/7/8', '--claims', '{"sub":"c1","scope":"device","site":"7/8"}'],
  ],
  [
    'filters',
    1,
    ['subscribe', '-i', 'c1-a', '-p', '1883', '-q', '2', '--claims', DEVICE].concat(
      ['site/7/down/#', '$share/g/site/7/down/x', '#', 'a#', '$share/g'].flatMap((filter) => ['-f', filter]),
    ),
  ],
]

const TLS: readonly Case[] = [
  ['gateway', 2, ['connect', '-i', 'x', '--sni', 'a.example.com', '--alpn', 'h2,mqtt', '--certificate', 'client.pem']],
  ['no-certificate', 1, ['connect', '-i', 'x', '--sni', 'a.example.com', '--alpn', 'mqtt']],
  ['no-name', 1, ['connect', '-i', 'x', '--alpn', 'mqtt', '--certificate', 'client.pem']],
  ['no-protocol', 1, ['connect', '-i', 'x', '--sni', 'a.example.com', '--alpn', 'h2', '--certificate', 'client.pem']],
]

const FROM = ['--from', '10.1.2.3', '--path', '/mqtt']
const WEB: readonly Case[] = [
  ['claims', 0, ['connect', '-i', 'x', ...FROM, '--claims', '{"sub":"c1","scope":"mqtt"}']],
  ['far-token', 2, ['connect', '-i', 'x', ...FROM, '--token', 'x.y.z']],
  ['no-token', 1, ['connect', '-i', 'x', ...FROM]],
  ['other-path', 1, ['connect', '-i', 'x', '--from', '10.1.2.3', '--path', '/other', '--claims', '{"sub":"c1"}']],
  ['other-page', 1, ['connect', '-i', 'x', ...FROM, '--header', 'origin: https://evil.example.com']],
  [
    'other-subprotocol',
    1,
    ['connect', '-i', 'x', ...FROM, '--header', 'sec-websocket-protocol: x', '--claims', '{"sub":"c1","scope":"mqtt"}'],
  ],
  ['from-nowhere', 2, ['connect', '-i', 'x', '--path', '/mqtt']],
  ['from-elsewhere', 1, ['connect', '-i', 'x', '--from', '11.0.0.1', '--path', '/mqtt']],
  ['old-version', 1, ['connect', '-i', 'x', ...FROM, '--mqtt', '3.1.1', '--claims', '{"sub":"c1","scope":"mqtt"}']],
  ['elsewhere', 1, ['publish', '-i', 'x', ...FROM, '-t', 'c', '--claims', '{"sub":"c1","scope":"mqtt"}']],
]

describe.each([
  ['guarded', GUARDED],
  ['tls', TLS],
  ['web', WEB],
])('%s.yaml', (document, cases) => {
  it.each(cases)('%s', async (name, wanted, words) => {
    const placed = words.map((word) => (word.endsWith('.pem') ? join(directory, word) : word))
    const { text, code } = await explainLine([...placed, join(FOLDER, `${document}.yaml`)])
    await expect(text).toMatchFileSnapshot(join(FOLDER, `${document}-${name}.text`))
    expect(code).toBe(wanted)
  })
})

it('verifies a token with the keys of the document', async () => {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const { x } = await exportJWK(publicKey)
  const file = join(directory, 'keys.yaml')
  writeFileSync(file, readFileSync(join(FOLDER, 'guarded.yaml'), 'utf8').replace(/ x: \S+ /, ` x: ${x} `))
  const token = (audience: string) =>
    new SignJWT({ scope: 'device', site: '7' })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .setSubject('c1')
      .setIssuer('https://auth.example.com')
      .setAudience(audience)
      .setExpirationTime('1h')
      .sign(privateKey)
  const ask = async (shown: string) => explainLine(['connect', '-i', 'c1-a', '-p', '1883', '--token', shown, file])
  const right = await token('mqtt')
  const { code, text } = await ask(right)
  expect(code).toBe(0)
  expect(text).toContain('✓ guard tokens: c1; roles device; site 7')
  expect(text).not.toContain(right)
  const wrong = await ask(await token('other'))
  expect(wrong.code).toBe(1)
  expect(wrong.text).toContain('unexpected "aud" claim value')
})

it('says as JSON what it says as text', async () => {
  const words = [
    'publish',
    '-i',
    'c1-a',
    '-t',
    'site/7/x',
    '-p',
    '1883',
    '--claims',
    DEVICE,
    join(FOLDER, 'guarded.yaml'),
  ]
  const { text, code } = await explainLine([...words, '--format', 'json'])
  const { action, clientId, verdict, paths } = JSON.parse(text)
  expect({ code, action, clientId, verdict }).toEqual({
    code: 0,
    action: 'publish',
    clientId: 'c1-a',
    verdict: 'allowed',
  })
  expect(paths[0].hops.map(({ binding }: { binding: string }) => binding)).toEqual(
    ['tcp_server', 'mqtt_server', 'mapping', 'cache_client', 'cache_server', 'kafka_client']
      .map((name) => `example:${name}`)
      .concat('sys:tcp_client'),
  )
  expect(paths[0].hops[2].steps[1].facts).toContainEqual(['key', 'site/7/x'])
})

it.each([
  ['a port that nobody listens on', ['connect', '-i', 'x', '-p', '1', join(FOLDER, 'tls.yaml')], /listens on port 1$/],
  ['a document that is not there', ['connect', '-i', 'x', '/no/such.yaml'], /is not valid|no such file/],
  [
    'properties of 3.1.1',
    ['publish', '-i', 'x', '-t', 'a', '--mqtt', '3.1.1', '--expiry', '1', join(FOLDER, 'web.yaml')],
    /no properties/,
  ],
  [
    'a file that is no certificate',
    ['connect', '-i', 'x', '--certificate', join(FOLDER, 'tls.yaml'), join(FOLDER, 'tls.yaml')],
    /no certificate/,
  ],
])('cannot work with %s', async (_what, words, message) => {
  await expect(explainLine(words)).rejects.toThrow(message)
})
