// A step of the set-up is skipped exactly when what it read and what it wrote are unchanged.

import { rmSync } from 'node:fs'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { once, stampFile } from './stamp.mjs'

const name = `test-${process.pid}`
let input = 'a'
let output = ''
let runs = 0

const compile = (during = () => {}) =>
  once({
    name,
    inputs: () => input,
    outputs: () => output,
    work: async () => {
      output = input.toUpperCase()
      runs++
      during()
    },
  })

beforeEach(async () => {
  onTestFinished(() => rmSync(stampFile(name), { force: true }))
  input = 'a'
  await compile()
  runs = 0
})

it('does nothing when nothing changed', async () => {
  await compile()
  expect(runs).toBe(0)
})

it('works when an input changed', async () => {
  input = 'b'
  await compile()
  expect(output).toBe('B')
})

it('works when an output was lost', async () => {
  output = ''
  await compile()
  expect(output).toBe('A')
})

it('works again when an input changed while it worked', async () => {
  input = 'b'
  await compile(() => {
    input = 'c'
  })
  await compile()
  expect(output).toBe('C')
})

it('works again after a failure', async () => {
  input = 'b'
  const failure = compile(() => {
    throw new Error('no')
  })
  await expect(failure).rejects.toThrow('no')
  await compile()
  expect(runs).toBe(2)
})
