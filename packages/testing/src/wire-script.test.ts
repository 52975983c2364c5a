import { expect, test } from 'vitest'
import { parseWireScripts, runWireScript, wireBytes } from './wire-script.ts'

test.each([
  ['10 0203', '100203'],
  ['"ab" 00', '616200'],
  ["'ab'", '00026162'],
  ["{ 01 { 02 } 'c' }", '06010102000163'],
  ['( 01 02 )', '00020102'],
  ['{ 61*200 }', `c801${'61'.repeat(200)}`],
  ['{}', '00'],
])('%s means %s', (text, hex) => {
  expect(wireBytes(text).toString('hex')).toBe(hex)
})

test.each(['1', 'zz', '{ 01', '01 }', '( 01 }', '??'])('%s means nothing', (text) => {
  expect(() => wireBytes(text)).toThrow()
})

const SCRIPT = `prose before the first case
=== echo
> 01 02  # sent
< 01
< ??     # the second
say "#1" a/# once # said
`

function run(text: string, answer: (sent: Buffer) => Buffer, pieceBytes?: number): string[] {
  const said: string[] = []
  let received = Buffer.alloc(0)
  const peer = {
    send: (bytes: Buffer) => {
      said.push(`sent ${bytes.toString('hex')}`)
      received = Buffer.concat([received, answer(bytes)])
    },
    received: () => received,
    command: (verb: string, rest: string) => {
      said.push(`${verb} ${rest}`)
    },
  }
  for (const script of parseWireScripts(text)) runWireScript(script, peer, pieceBytes)
  return said
}

test('sends, expects and passes commands on', () => {
  expect(run(SCRIPT, (sent) => sent)).toEqual(['sent 0102', 'say "#1" a/# once'])
  expect(run(SCRIPT, (sent) => sent, 1)).toEqual(['sent 01', 'sent 02', 'say "#1" a/# once'])
})

test('three dots take the rest', () => {
  expect(run('=== dots\n> 01 02 03\n< 01 ...', (sent) => sent)).toEqual(['sent 010203'])
})

test('names the line of what is missing, wrong or too much', () => {
  expect(() => run(SCRIPT, () => Buffer.alloc(0))).toThrow(/line 4.*\n.*expected 01\n.*received nothing/)
  expect(() => run(SCRIPT, (sent) => Buffer.concat([sent, sent]))).toThrow(/line 6.*not expected: 01 02/)
  expect(() => run(`${SCRIPT}> 05`, (sent) => sent)).toThrow(/line 7, end.*not expected: 05/)
})
