import { expect, test } from 'vitest'
import { BooleanValidator, BytesValidator } from './plain-validator.ts'

test.each(['true', 'false'])('%j is a boolean', (text) => {
  expect(new BooleanValidator().check(Buffer.from(text))).toBeNull()
})

test.each(['', 'TRUE', 'true ', ' true', '1', '0', 'truefalse', '\x01', 'true\0'])('%j is no boolean', (text) => {
  expect(new BooleanValidator().check(Buffer.from(text))).toBe('not `true` or `false`')
})

test.each([[[]], [[0]], [[0xff, 0xfe, 0xd8]]])('%j are bytes', (bytes) => {
  expect(new BytesValidator().check(Buffer.from(bytes))).toBeNull()
})
