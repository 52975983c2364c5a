/**
 * Runs wire scripts: what a client sends and must receive, byte by byte, readable beside the standard. Used by the tests of
 * every binding that speaks a protocol on bytes; whatever is not bytes is a command of the binding's own test.
 *
 *     === a ping is answered                         a case; the lines before the first one are for the reader
 *     > 10 { 'MQTT' 04 02 0000 'c1' }  # CONNECT     sent
 *     < 20 02 00 00                    # CONNACK     must have been received, and nothing else before the next other line
 *     half-close                                     any other word: a command, with the rest of the line
 *
 * Bytes are hex digits; "text" is UTF-8; 'text' is UTF-8 behind its length in two bytes; { … } is a group behind its length
 * as a variable byte integer, ( … ) behind its length in two bytes; `61*300` repeats. Only expected: `??` is any byte, and
 * `...` at the end whatever else was received.
 */

export interface WireStep {
  /** of the file, from 1 */
  readonly line: number
  /** `>`, `<`, or the word of a command */
  readonly verb: string
  readonly rest: string
}

export interface WireScript {
  readonly name: string
  readonly steps: readonly WireStep[]
}

/** What a script talks to: one client of the binding, played by the test. */
export interface WirePeer {
  send(bytes: Buffer): void
  /** Everything received so far. */
  received(): Buffer
  /** Throws when the command, or what it expects, fails. */
  command(verb: string, rest: string): void
}

const ANY = -1
const TOKEN = /\s*(?:"([^"]*)"|'([^']*)'|([{}()])|((?:[0-9a-fA-F]{2})+|\?\?)(?:\*(\d+))?)/y

export function parseWireScripts(text: string): WireScript[] {
  const scripts: { name: string; steps: WireStep[] }[] = []
  for (const [at, raw] of text.split('\n').entries()) {
    const title = /^===\s+(.+)$/.exec(raw)
    if (title !== null) {
      scripts.push({ name: title[1]!.trim(), steps: [] })
      continue
    }
    const line = withoutComment(raw).trim()
    const script = scripts.at(-1)
    if (line === '' || script === undefined) continue
    const space = line.search(/\s|$/)
    script.steps.push({ line: at + 1, verb: line.slice(0, space), rest: line.slice(space).trim() })
  }
  return scripts
}

/** The bytes that a line of a script means. */
export function wireBytes(text: string): Buffer {
  const values = wirePattern(text)
  if (values.includes(ANY)) throw new Error('?? can only be expected, not sent')
  return Buffer.from(values)
}

/** Runs one script; throws an error that names the line. Bytes are sent in pieces of `pieceBytes`. */
export function runWireScript(script: WireScript, peer: WirePeer, pieceBytes = Number.POSITIVE_INFINITY): void {
  let expected = 0
  for (const step of [...script.steps, { line: script.steps.at(-1)?.line ?? 0, verb: 'end', rest: '' }]) {
    try {
      if (step.verb === '<') {
        expected += match(step.rest, peer.received().subarray(expected))
        continue
      }
      const surplus = peer.received().subarray(expected)
      if (surplus.length > 0) throw new Error(`received before this line, not expected: ${hex([...surplus])}`)
      if (step.verb === '>') sendPieces(wireBytes(step.rest), peer, pieceBytes)
      else if (step.verb !== 'end') peer.command(step.verb, step.rest)
    } catch (error) {
      throw new Error(`line ${step.line}, ${step.verb} ${step.rest}: ${(error as Error).message}`, { cause: error })
    }
  }
}

function sendPieces(bytes: Buffer, peer: WirePeer, pieceBytes: number): void {
  if (bytes.length <= pieceBytes) {
    peer.send(bytes)
    return
  }
  for (let at = 0; at < bytes.length; at += pieceBytes) peer.send(bytes.subarray(at, at + pieceBytes))
}

/** Checks that the bytes begin as wanted; returns how many that are. */
function match(text: string, bytes: Buffer): number {
  const open = text.endsWith('...')
  const wanted = wirePattern(open ? text.slice(0, -3) : text)
  const same = wanted.every((value, at) => (value === ANY ? at < bytes.length : value === bytes[at]))
  if (!same)
    throw new Error(`\n  expected ${hex(wanted)}\n  received ${hex([...bytes.subarray(0, wanted.length + 8)])}`)
  return open ? bytes.length : wanted.length
}

function hex(values: readonly number[]): string {
  return values.map((value) => (value === ANY ? '??' : value.toString(16).padStart(2, '0'))).join(' ') || 'nothing'
}

/** A comment begins at the start of a line or behind a blank, outside of quotes. */
function withoutComment(line: string): string {
  const found = /^(?:"[^"]*"|'[^']*'|\s+(?!#)|[^\s#"']#*)*/.exec(line)
  return found === null ? line : found[0]
}

function wirePattern(text: string): number[] {
  const groups: { opened: string; values: number[] }[] = [{ opened: '', values: [] }]
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex
    const token = TOKEN.exec(text)
    if (token === null) throw new Error(`not understood: ${text.slice(from)}`)
    const [, plain, prefixed, bracket, digits, times] = token
    const values = groups.at(-1)!.values
    if (plain !== undefined) values.push(...Buffer.from(plain))
    else if (prefixed !== undefined) values.push(...withLength('(', [...Buffer.from(prefixed)]))
    else if (digits !== undefined) {
      const bytes = digits === '??' ? [ANY] : [...Buffer.from(digits, 'hex')]
      for (let count = Number(times ?? 1); count > 0; count--) values.push(...bytes)
    } else if (bracket === '{' || bracket === '(') {
      groups.push({ opened: bracket, values: [] })
    } else {
      const group = groups.pop()!
      const parent = groups.at(-1)
      if (parent === undefined || (group.opened === '{') !== (bracket === '}')) throw new Error(`stray ${bracket}`)
      parent.values.push(...withLength(group.opened, group.values))
    }
  }
  if (groups.length !== 1) throw new Error('a group is not closed')
  return groups[0]!.values
}

function withLength(opened: string, values: number[]): number[] {
  if (opened === '(') return [values.length >> 8, values.length & 0xff, ...values]
  const length: number[] = []
  for (let rest = values.length; ; rest >>= 7) {
    if (rest < 0x80) return [...length, rest, ...values]
    length.push((rest & 0x7f) | 0x80)
  }
}
