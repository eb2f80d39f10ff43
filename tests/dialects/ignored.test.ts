import { describe, expect, test } from 'vitest'
import { createIgnored } from '../../src/dialects/ignored.ts'

/** Returns the header for these paths and this many unknown fields. */
function toHeader(paths: readonly string[], unknown = 0) {
  const ignored = createIgnored()
  for (const path of paths) ignored.add(path)
  ignored.addUnknown(unknown)
  return ignored.toHeader()
}

describe('the header with ignored fields', () => {
  test.each<[readonly string[], number, string | undefined]>([
    [[], 0, undefined],
    [['n'], 0, 'n'],
    [['n', 'tools.4', 'n'], 0, 'n, tools.4'],
    [[], 3, '+3 unknown'],
    [['n'], 1, 'n, +1 unknown'],
  ])('names %j and %i unknown fields as %s', (paths, unknown, header) => {
    expect(toHeader(paths, unknown)).toBe(header)
  })

  test('counts the fields that have no room: it stays within 1 kB, and no field is lost', () => {
    for (const length of [1, 9, 100, 985, 986, 1024, 5000]) {
      for (const count of [1, 2, 50, 1000]) {
        const paths = Array.from({ length: count }, (_, i) => `${i}.`.padEnd(length, 'x'))
        const header = toHeader(paths, 9_999_999_999)!
        expect(header.length).toBeLessThanOrEqual(1024)
        const parts = header.split(', ')
        expect(parts.at(-1)).toBe('+9999999999 unknown')
        const [, more = '0'] = /\+(\d+) more/.exec(header) ?? []
        expect(parts.filter((part) => !part.startsWith('+')).length + Number(more)).toBe(new Set(paths).size)
      }
    }
  })

  test('names a field that is found to be ignored only later', () => {
    const ignored = createIgnored()
    const { add } = ignored
    expect(ignored.toHeader()).toBeUndefined()
    add('reasoning_effort')
    expect(ignored.toHeader()).toBe('reasoning_effort')
  })
})
