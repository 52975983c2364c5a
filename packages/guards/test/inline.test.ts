/** The inline guard: what it shows, and whom it lets in. */
import { describe, expect, test } from 'vitest'
import { inline } from '../src/index.ts'
import { attach, findings, reasons } from './guard-harness.ts'

const authorize = (options: object, credentials: string, identity: string | null = null) =>
  attach(inline, options).guard.authorize({ credentials, identity }, null)

describe('shows', () => {
  test.each([
    [
      { identity: 'bridge', credentials: 's3cret' },
      { identity: 'bridge', credentials: 's3cret' },
    ],
    [{ credentials: 's3cret' }, { identity: null, credentials: 's3cret' }],
    [{ identity: 'bridge' }, null],
    [{}, null],
  ])('%j: %j', (options, expected) => {
    expect(attach(inline, options).guard.credentials!(null)).toEqual(expected)
  })

  test('the same on behalf of whom it has let in', async () => {
    const { guard } = attach(inline, { credentials: 's3cret' })
    const session = await guard.authorize({ credentials: 's3cret', identity: 'alice' }, null)
    expect(guard.credentials!(session)).toEqual({ identity: null, credentials: 's3cret' })
  })
})

describe('lets in', () => {
  const both = { identity: 'bridge', credentials: 's3cret' }
  test.each<[object, string, string | null, boolean]>([
    [both, 's3cret', 'bridge', true],
    [both, 's3cret', null, true],
    [both, 's3cret', 'alice', false],
    [both, 's3cre', 'bridge', false],
    [both, 's3crett', 'bridge', false],
    [both, '', 'bridge', false],
    [both, 'S3CRET', 'bridge', false],
    [{ credentials: 's3cret' }, 's3cret', 'alice', true],
    [{ identity: 'bridge' }, 'bridge', 'bridge', false],
    [{ identity: 'bridge' }, '', 'bridge', false],
    [{}, '', null, false],
    [{}, 'undefined', null, false],
    [{ ...both, format: '{identity}:{credentials}' }, 'bridge:s3cret', null, true],
    [{ ...both, format: '{identity}:{credentials}' }, 'bridge:s3cret', 'alice', true],
    [{ ...both, format: '{identity}:{credentials}' }, 'alice:s3cret', 'bridge', false],
    [{ ...both, format: '{identity}:{credentials}' }, 's3cret', 'bridge', false],
    [{ ...both, format: '{identity}:{credentials}' }, ':s3cret', 'bridge', false],
    [{ ...both, format: '{identity}:{credentials}' }, 'bridge:', 'bridge', false],
    [{ credentials: 'a:b', identity: 'x', format: '{identity}:{credentials}' }, 'x:a:b', null, true],
    [{ ...both, format: '<{credentials}|{identity}>' }, '<s3cret|bridge>', null, true],
    [{ ...both, format: '<{credentials}|{identity}>' }, '<s3cret|bridge', null, false],
    [{ ...both, format: 'Bearer {credentials}' }, 'Bearer s3cret', 'bridge', true],
    [{ ...both, format: 'Bearer {credentials}' }, 'Bearer ', 'bridge', false],
    [{ ...both, format: 'aa{credentials}aa' }, 'aaa', 'bridge', false],
  ])('%j shown %j of %j: %s', async (options, credentials, identity, accepted) => {
    expect((await authorize(options, credentials, identity)) !== null).toBe(accepted)
  })

  test('as the name of the document, or of the guard: names that are shown prove nothing', async () => {
    const expected = { guard: 'test:g', earlier: null, roles: [], attributes: {}, expiresAt: null }
    expect(await authorize(both, 's3cret')).toEqual({ ...expected, identity: 'bridge' })
    expect(await authorize({ credentials: 's3cret' }, 's3cret', 'root')).toEqual({ ...expected, identity: 'g' })
  })

  test('only where no role is asked for', async () => {
    const { guard } = attach(inline, both)
    const session = await guard.authorize({ credentials: 's3cret', identity: null }, null)
    expect([guard.permits(session!, []), guard.permits(session!, ['a'])]).toEqual([true, false])
  })

  test('a refusal says why and nothing that was shown or expected', async () => {
    const under = attach(inline, both)
    await under.guard.authorize({ credentials: 'hunter2', identity: null }, null)
    expect(reasons(under)).toEqual(['another name or secret was shown'])
    expect(JSON.stringify(under.report.events)).not.toMatch(/hunter2|s3cret/)
  })
})

describe('validate', () => {
  test.each<[object, string[]]>([
    [{ credentials: 'x', format: '{identity}:{credentials}' }, []],
    [{ credentials: 'x', format: 'x' }, ['error format-invalid options.format {credentials} is missing']],
    [{ credentials: 'x', format: '{identity}' }, ['error format-invalid options.format {credentials} is missing']],
    [
      { credentials: 'x', format: '{credentials}{identity}' },
      ['error format-invalid options.format there must be text between the names'],
    ],
    [
      { credentials: 'x', format: '{credentials} {credentials}' },
      ['error format-invalid options.format a name stands in it twice'],
    ],
    [
      { credentials: 'x', format: '{user}:{credentials}' },
      ['error format-invalid options.format {user} is neither {identity} nor {credentials}'],
    ],
    [{}, ['warning no-credentials options without `credentials` the guard has nothing to show and lets nobody in']],
    [
      { identity: 'x' },
      ['warning no-credentials options without `credentials` the guard has nothing to show and lets nobody in'],
    ],
  ])('%j', (options, expected) => {
    expect(findings(inline, options)).toEqual(expected)
  })
})
