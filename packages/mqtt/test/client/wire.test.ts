/** Every case of every script in `wire/`, once with each line of the broker in one piece and once byte by byte. */
import { readdirSync, readFileSync } from 'node:fs'
import { parseWireScripts, runWireScript } from '@zilla-ts/testing'
import { describe, expect, test } from 'vitest'
import { WireBroker } from './wire-broker.ts'

const folder = new URL('./wire/', import.meta.url)

for (const file of readdirSync(folder).filter((name) => name.endsWith('.wire'))) {
  const scripts = parseWireScripts(readFileSync(new URL(file, folder), 'utf8'))
  describe(file, () => {
    for (const script of scripts) {
      for (const pieceBytes of [Number.POSITIVE_INFINITY, 1]) {
        test(`${script.name}${pieceBytes === 1 ? ', byte by byte' : ''}`, () => {
          const peer = new WireBroker()
          runWireScript(script, peer, pieceBytes)
          expect(peer.harness.reporter.faults).toEqual([])
          expect(peer.clock.faults).toEqual([])
        })
      }
    }
  })
}
