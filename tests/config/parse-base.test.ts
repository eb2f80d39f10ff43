import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseBase } from '../../src/config/parse-base.ts'

test.each([
  ['', ''],
  ['/', ''],
  ['//', ''],
  ['ai', '/ai'],
  ['/ai', '/ai'],
  ['/ai/', '/ai'],
  ['//ai///', '/ai'],
  ['tools/ai', '/tools/ai'],
  ['/tools//ai/', '/tools/ai'],
  ['/~me/a.b_c-d', '/~me/a.b_c-d'],
  ['/...', '/...'],
  ['/%61i', '/ai'],
  ['/智能', '/%E6%99%BA%E8%83%BD'],
  ['/%E6%99%BA%E8%83%BD', '/%E6%99%BA%E8%83%BD'],
  ['/a:b@c', '/a:b@c'],
])('%j is the base %j', (text, base) => {
  expect(parseBase(text)).toBe(base)
})

test.each([
  '/ai?x=1',
  '/ai#top',
  'http://localhost/ai',
  'https:/localhost',
  '/a b',
  '/a\nb',
  '/a%20b',
  '/./ai',
  '/ai/..',
  '/%2e%2e/ai',
  '/%2Fai',
  '/ai%3Fx',
  '/100%',
  '/%FF',
  '/%00',
  '/a\\b',
  '/*',
  '/a&b',
  '/a"b',
  '/<ai>',
  '/\ud800',
])('%j is refused', (text) => {
  expect(parseBase(text)).toBeUndefined()
})

test('a base is the path that a URL has, and is parsed to itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const base = parseBase(text)
      if (base === undefined) return
      expect(parseBase(base)).toBe(base)
      expect(base).toMatch(/^(?:\/[!-~]+)?$/)
      const { pathname } = new URL(`http://localhost${base}/x`)
      expect(decodeURI(pathname)).toBe(`${decodeURI(base)}/x`)
    }),
    { numRuns: 2000 },
  )
})
