import { describe, expect, it } from 'vitest'
import { Condition, subnet, wildcard } from './condition.ts'

describe('wildcard', () => {
  it.each([
    ['*', 'anything', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['a.b', 'axb', false],
    ['(a[', '(a[', true],
    ['a*', 'ba', false],
    ['A', 'a', false],
  ])('%s on %s: %s', (pattern, value, matches) => {
    expect(wildcard(pattern).test(value)).toBe(matches)
  })
})

describe('Condition', () => {
  it('checks name and port apart from the address', () => {
    const condition = new Condition({ authority: '127.*', cidr: '127.0.0.0/8', port: '7000-7001' })
    expect(condition.matchesName('127.0.0.1', 7001)).toBe(true)
    expect(condition.matchesName('127.0.0.1', 7002)).toBe(false)
    expect(condition.matchesName('10.0.0.1', 7001)).toBe(false)
    expect(condition.matchesAddress('127.9.9.9')).toBe(true)
    expect(condition.matchesAddress('128.0.0.1')).toBe(false)
  })

  it('takes IPv6 blocks', () => {
    const condition = new Condition({ cidr: 'fd00::/8' })
    expect(condition.matchesAddress('fd12::1')).toBe(true)
    expect(condition.matchesAddress('fe80::1')).toBe(false)
  })

  it.each(['10.0.0.0/33', 'fd00::/129', '10.0.0/8', '::1'])('%s is no block', (cidr) => {
    expect(() => subnet(cidr)).toThrow('is not a CIDR block')
  })
})
