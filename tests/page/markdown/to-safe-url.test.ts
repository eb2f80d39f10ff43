import { describe, expect, test } from 'vitest'
import { toHonestHost, toSafeUrl } from '#page/markdown/to-safe-url.ts'

test.each([
  ['https://a.com', 'https://a.com/'],
  [' HTTP://A.com/b?c#d ', 'http://a.com/b?c#d'],
  ['mailto:a@b.com', 'mailto:a@b.com'],
  ['https://a.com/?b=1&amp;c=2', 'https://a.com/?b=1&c=2'],
  ['https://例子.com/路', 'https://xn--fsqu00a.com/%E8%B7%AF'],
  ['https://a.com/"x', 'https://a.com/%22x'],
])('a link may lead to %s', (href, url) => {
  expect(toSafeUrl(href)?.href).toBe(url)
})

test.each([
  '',
  '/a',
  'a',
  '#a',
  '//a.com',
  'a.com',
  'https:a.com',
  'https:/a.com',
  'https://',
  'https://a b',
  'javascript:1',
  'JAVASCRIPT:1',
  'java\nscript:1',
  'data:text/html,a',
  'blob:https://a.com/b',
  'file:///a',
  'ftp://a.com',
  'vbscript:1',
  'about:blank',
  'javascript&colon;1',
  '&#106;avascript:1',
  'https://a.com/\u202egnp.exe',
  'https://a\u200b.com',
  'https://a.com/\u0000',
  'https://a.com/&#x202e;a',
  'https://a.com\n/b',
  'mailto\t:a@b.com',
])('a link may not lead to %j', (href) => {
  expect(toSafeUrl(href)).toBeUndefined()
})

describe('the real host is shown', () => {
  test.each([
    ['https://google.com@evil.com/', 'a', 'evil.com'],
    ['https://google.com:443@evil.com:8080/', 'a', 'evil.com:8080'],
    ['https://evil.com/', 'google.com', 'evil.com'],
    ['https://evil.com/', 'see https://google.com/a', 'evil.com'],
    ['https://evil.com/google.com', 'www.google.com', 'evil.com'],
    ['https://xn--ggle-55da.com/', 'google.com', 'xn--ggle-55da.com'],
    ['https://google.com/', 'google.com', undefined],
    ['https://www.google.com/', 'Google.com/search', undefined],
    ['https://xn--fsqu00a.com/', '例子.com', undefined],
    ['https://nodejs.org/', 'Node.js', undefined],
    ['https://a.com/', 'e.g. this, and that', undefined],
    ['mailto:a@b.com', 'a@b.com', undefined],
  ])('of %s with the text %j', (url, text, host) => {
    expect(toHonestHost(new URL(url), text)).toBe(host)
  })
})
