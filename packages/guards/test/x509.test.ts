/** The x509 guard: who the bearer of a certificate is, by names that are written to be misread. */
import { createHash, X509Certificate } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { x509 } from '../src/index.ts'
import { matchesWildcard } from '../src/x509/wildcard.ts'
import { type CertificateOptions, type Parts, pem } from './certificates.ts'
import { attach, findings, type GuardUnderTest, reasons } from './guard-harness.ts'

const CN = '2.5.4.3'
const O = '2.5.4.10'
const OU = '2.5.4.11'
const C = '2.5.4.6'

const cn = (value: string): Parts => [[[CN, value]]]
const device: CertificateOptions = {
  subject: [
    [[C, 'DE', 0x13]],
    [[O, 'Example']],
    [
      [OU, 'north'],
      [OU, 'south'],
    ],
    [[CN, 'device-1']],
  ],
  issuer: [[[O, 'Example']], [[CN, 'CA']]],
  san: [
    [2, 'device-1.sensors.example.com'],
    [2, 'device-1.example.com'],
    [1, 'device-1@example.com'],
    [6, 'urn:device:1'],
    [7, Buffer.from([192, 0, 2, 1])],
    [7, Buffer.from('20010db8000000000000000000000001', 'hex')],
  ],
}

let under: GuardUnderTest
beforeEach(() => {
  under = attach(x509, {})
})

const show = (certificate: CertificateOptions | string) =>
  under.guard.authorize(
    { credentials: typeof certificate === 'string' ? certificate : pem(certificate), identity: null },
    null,
  )

test('the certificates of this test are such to others too', () => {
  expect(new X509Certificate(pem(device)).subject).toBe('C=DE\nO=Example\nOU=north + OU=south\nCN=device-1')
})

test('a session has the whole name of the subject, and ends with the certificate', async () => {
  expect(await show(device)).toEqual({
    guard: 'test:g',
    earlier: null,
    identity: 'CN=device-1,OU=north+OU=south,O=Example,C=DE',
    roles: [],
    attributes: {},
    expiresAt: Date.UTC(2030, 0, 1, 0, 0, 1),
  })
})

describe('fields', () => {
  test.each([
    ['subject.cn', 'device-1'],
    ['subject.CN', 'device-1'],
    ['subject.commonName', 'device-1'],
    ['subject.2.5.4.3', 'device-1'],
    ['subject.ou', 'north'],
    ['subject.c', 'DE'],
    ['issuer.dn', 'CN=CA,O=Example'],
    ['issuer.cn', 'CA'],
    ['san.dns', 'device-1.sensors.example.com'],
    ['san.email', 'device-1@example.com'],
    ['san.uri', 'urn:device:1'],
    ['san.ip', '192.0.2.1'],
  ])('%s: %s', async (identity, expected) => {
    under = attach(x509, { identity })
    expect((await show(device))?.identity).toBe(expected)
  })

  test('x5t.s256 is the fingerprint (RFC 8705 §3.1), of the first certificate', async () => {
    under = attach(x509, { identity: 'x5t.s256' })
    const text = pem(device)
    const bytes = Buffer.from(text.replaceAll(/-----.*-----/g, ''), 'base64')
    const identity = createHash('sha256').update(bytes).digest('base64url')
    expect((await show(text))?.identity).toBe(identity)
    expect((await show(text + pem({ subject: cn('CA') })))?.identity).toBe(identity)
  })

  test('attributes are the first values of those that are there', async () => {
    under = attach(x509, { attributes: { unit: 'subject.ou', place: 'subject.l', host: 'san.dns' } })
    expect((await show(device))?.attributes).toEqual({ unit: 'north', host: 'device-1.sensors.example.com' })
  })
})

describe('names that look like others', () => {
  test.each<[string, Parts, string, string[]]>([
    ['a comma', cn('a,O=Example'), 'CN=a\\,O=Example', ['a,O=Example']],
    ['a line end', cn('a\nO=Example'), 'CN=a\nO=Example', ['a\nO=Example']],
    ['a plus', cn('a+OU=x'), 'CN=a\\+OU=x', ['a+OU=x']],
    ['quotes and backslashes', cn('"a"\\'), 'CN=\\"a\\"\\\\', ['"a"\\']],
    ['angles and semicolons', cn('<a>;'), 'CN=\\<a\\>\\;', ['<a>;']],
    ['blanks at the ends', cn('  a  '), 'CN=\\  a \\ ', ['  a  ']],
    ['one blank', cn(' '), 'CN=\\ ', [' ']],
    ['a hash', cn('#a#'), 'CN=\\#a#', ['#a#']],
    ['a zero', cn('a\0b'), 'CN=a\\00b', ['a\0b']],
    ['not ASCII', cn('Zoë 😀'), 'CN=Zoë 😀', ['Zoë 😀']],
    ['two common names', [[[CN, 'a']], [[CN, 'b']]], 'CN=b,CN=a', ['a', 'b']],
    ['BMPString', [[[CN, Buffer.from('004c0075010d', 'hex'), 0x1e]]], 'CN=Luč', ['Luč']],
    [
      'a type that nobody knows',
      [[['1.3.6.1.4.1.55555.1', 'x']], [[CN, 'a']]],
      'CN=a,1.3.6.1.4.1.55555.1=#0c0178',
      ['a'],
    ],
  ])('%s', async (_what, subject, dn, names) => {
    under = attach(x509, { identity: 'x5t.s256', attributes: { dn: 'subject.dn', cn: 'subject.cn' } })
    expect((await show({ subject }))?.attributes).toEqual({ dn, cn: names[0] })
    const all = Object.fromEntries(names.map((name) => [`role:${name}`, [{ 'subject.cn': name }]]))
    under = attach(x509, { identity: 'x5t.s256', roles: { ...all, none: [{ 'subject.o': '*' }] } })
    expect((await show({ subject }))?.roles).toEqual(names.map((name) => `role:${name}`))
  })

  test('names with control characters identify nobody', async () => {
    under = attach(x509, { identity: 'subject.cn' })
    for (const name of ['root\0', 'a\nb', '\x7f', '\u0085']) expect(await show({ subject: cn(name) })).toBeNull()
  })
})

describe('roles', () => {
  const roles = {
    'mqtt:stream': [{ 'subject.o': 'Example', 'san.dns': '*.sensors.example.com' }],
    either: [{ 'subject.cn': 'nobody' }, { 'subject.ou': 'south' }],
    not: [{ 'subject.o': 'Example', 'subject.cn': 'device' }],
  }

  test('are those of which one item fits in every field, whichever value it is', async () => {
    under = attach(x509, { roles })
    const session = await show(device)
    expect(session?.roles).toEqual(['mqtt:stream', 'either'])
    expect(under.guard.permits(session!, ['mqtt:stream', 'either'])).toBe(true)
    expect(under.guard.permits(session!, ['mqtt:stream', 'not'])).toBe(false)
    expect(under.guard.permits(session!, [])).toBe(true)
  })

  test('are none without the fields', async () => {
    under = attach(x509, { roles })
    expect((await show({ subject: cn('x') }))?.roles).toEqual([])
  })
})

test.each([
  ['a', 'a', true],
  ['a', 'ab', false],
  ['a*', 'ab', true],
  ['*b', 'ab', true],
  ['*', '', true],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['*a*b*', 'xaxbx', true],
  ['*a*b*', 'xbxax', false],
  ['a.c', 'abc', false],
  ['(*', '(x', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.example.com.evil', false],
])('pattern %s, %s: %s', (pattern, text, expected) => {
  expect(matchesWildcard(pattern, text)).toBe(expected)
})

describe('time: the FakeClock stands on 2023-11-14 22:13:20', () => {
  test.each([
    ['not yet', { notBefore: '231114221321Z' }, false],
    ['just now', { notBefore: '231114221320Z' }, true],
    ['last second', { notAfter: '231114221320Z' }, true],
    ['over', { notAfter: '231114221319Z' }, false],
  ])('%s', async (_what, validity, accepted) => {
    expect((await show({ ...device, ...validity })) !== null).toBe(accepted)
  })
})

describe('refused', () => {
  test.each([
    ['nothing', ''],
    ['text', 'alice'],
    ['no base64', '-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n'],
    [
      'no certificate',
      `-----BEGIN CERTIFICATE-----\n${Buffer.from('alice').toString('base64')}\n-----END CERTIFICATE-----\n`,
    ],
    ['cut', pem(device).slice(0, 300)],
    ['broken names', pem({ subject: cn('a'), san: [[4, Buffer.from([0xff])]] })],
  ])('%s', async (_what, text) => {
    expect(await show(text)).toBeNull()
    expect(reasons(under)).toEqual(['this is no certificate in PEM'])
  })

  test('without the field that names the bearer', async () => {
    expect(await show({ subject: [] })).toBeNull()
    under = attach(x509, { identity: 'san.email' })
    expect(await show({ subject: cn('a') })).toBeNull()
    expect(reasons(under)).toEqual(['the certificate has no san.email that names its bearer'])
  })
})

describe('validate', () => {
  const hint =
    'Fields are subject.dn, issuer.dn, one attribute of the two such as subject.cn, san.dns, san.email, san.uri, san.ip and x5t.s256.'
  const unknown = 'names have no attribute `nam`: write its object identifier, such as subject.2.5.4.97'
  test.each<[object, string[]]>([
    [{ identity: 'subject.dn', attributes: { a: 'issuer.o' }, roles: { r: [{ 'san.dns': '*' }] } }, []],
    [{ identity: 'subject.1.2.3' }, []],
    [{ identity: 'cn' }, [`error wrong-format options.identity ${hint}`]],
    [{ identity: 'san.other' }, [`error wrong-format options.identity ${hint}`]],
    [{ identity: 'subject.nam' }, [`error attribute-unknown options.identity ${unknown}`]],
    [{ attributes: { a: 'subject.nam' } }, [`error attribute-unknown options.attributes.a ${unknown}`]],
    [{ roles: { r: [{ 'subject.nam': 'x' }] } }, [`error attribute-unknown options.roles.r.0.subject.nam ${unknown}`]],
    [{ roles: { r: [] } }, ['error out-of-range options.roles.r']],
    [{ roles: { r: [{}] } }, ['error out-of-range options.roles.r.0']],
    [{ roles: { r: [{ cn: 'x' }] } }, [`error bad-name options.roles.r.0.cn ${hint}`]],
  ])('%j', (options, expected) => {
    expect(findings(x509, options)).toEqual(expected)
  })
})
