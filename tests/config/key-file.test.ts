import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyFileError, parseKeyFile, parseKeys } from '../../src/config/key-file.ts'
import { canary } from '../fixtures/bad-configurations.ts'

const sha256 = 'ab'.repeat(32)
const alice = { name: 'alice', sha256 }
const toText = (...keys: readonly unknown[]) => JSON.stringify({ keys })

function mistakesOf(text: string): string {
  try {
    parseKeys(text)
  } catch (error) {
    if (error instanceof KeyFileError) return error.message
    throw error
  }
  throw new Error('Cannot find a mistake: it was accepted')
}

test('a key needs a name and a hash, and may have the other fields', () => {
  const all = {
    name: 'bob',
    sha256: 'CD'.repeat(32),
    models: ['gemma3*', 'hf.co/a/b:Q4_K_M'],
    admin: true,
    expires: '2027-01-31T12:00:00+01:00',
    requests_per_minute: 60,
    streams: 0,
    tokens_per_minute: 1,
    tokens_per_day: 1_000_000_000_000,
    note: 'until the end of the project',
  }
  expect(parseKeys(toText(alice, all))).toEqual([
    { name: 'alice', sha256, models: undefined },
    {
      name: 'bob',
      sha256: 'cd'.repeat(32),
      models: ['gemma3*', 'hf.co/a/b:Q4_K_M'],
      admin: true,
      expiresAt: Date.UTC(2027, 0, 31, 11),
      quota: { perMinute: 60, streams: 0, tokensPerMinute: 1, tokensPerDay: 1_000_000_000_000 },
    },
  ])
  expect(parseKeys(toText())).toEqual([])
})

describe('a mistake names the key and the field, and nothing of the file', () => {
  const form = 'must be one object with a list of keys: {"keys":[{"name":"alice","sha256":"…"}]}'
  const json = 'is no JSON, or only a part of it'
  const empty = 'is empty; a file without keys has {"keys":[]}'
  const globs = 'key 1: models must be a list of model names, * as the wildcard; leave it out for all models'
  const time = 'key 1: expires must be an ISO date and time with its zone, such as 2027-01-31T12:00:00Z'
  test.each<[string, string]>([
    ['', empty],
    [' \n', empty],
    [toText(alice).slice(0, -1), json],
    [toText(alice).slice(0, 40), json],
    [`${toText(alice)}${toText(alice)}`, json],
    [canary, json],
    ['[]', form],
    ['null', form],
    ['5', form],
    [`"${canary}"`, form],
    ['{}', form],
    [JSON.stringify({ keys: alice }), form],
    [JSON.stringify({ keys: [], [canary]: 1 }), form],
    [toText(5), 'key 1: must be an object'],
    [toText(null), 'key 1: must be an object'],
    [toText({ name: 'alice' }), 'key 1: sha256 is missing'],
    [toText({ sha256 }), 'key 1: name is missing'],
    [toText({ ...alice, name: 5 }), 'key 1: name must be 1 to 64 letters, digits, dots, - and _'],
    [toText({ ...alice, name: '' }), 'key 1: name must be 1 to 64 letters, digits, dots, - and _'],
    [toText({ ...alice, name: `${canary} x` }), 'key 1: name must be 1 to 64 letters, digits, dots, - and _'],
    [toText({ ...alice, name: 'a'.repeat(65) }), 'key 1: name must be 1 to 64 letters, digits, dots, - and _'],
    [toText({ ...alice, sha256: `sluice-${canary}` }), 'key 1: sha256 must be the SHA-256 of the secret, as 64 hex digits'],
    [toText({ ...alice, sha256: null }), 'key 1: sha256 must be the SHA-256 of the secret, as 64 hex digits'],
    [toText({ ...alice, models: 'gemma3' }), globs],
    [toText({ ...alice, models: [] }), globs],
    [toText({ ...alice, models: [`${canary} 3`, `${canary} 4`] }), globs],
    [toText({ ...alice, admin: 'true' }), 'key 1: admin must be true or false'],
    [toText({ ...alice, expires: '2027-01-31' }), time],
    [toText({ ...alice, expires: '2027-01-31T12:00:00' }), time],
    [toText({ ...alice, expires: '2027-02-30T12:00:00Z' }), time],
    [toText({ ...alice, expires: '2027-01-31T25:00:00Z' }), time],
    [toText({ ...alice, expires: 1_800_000_000 }), time],
    [toText({ ...alice, streams: -1 }), 'key 1: streams must be an integer from 0 to 1000000'],
    [toText({ ...alice, streams: 1.5 }), 'key 1: streams must be an integer from 0 to 1000000'],
    [toText({ ...alice, requests_per_minute: '60' }), 'key 1: requests_per_minute must be an integer from 0 to 1000000'],
    [toText({ ...alice, tokens_per_day: 1e13 }), 'key 1: tokens_per_day must be an integer from 0 to 1000000000000'],
    [toText({ ...alice, note: 'x'.repeat(1025) }), 'key 1: note must be a text of at most 1024 characters'],
    [toText({ ...alice, token_per_day: 5 }), 'key 1: token_per_day is no field of a key'],
    [toText({ ...alice, [canary]: 5 }), 'key 1: a name of a field is not known'],
    [toText(alice, { ...alice, sha256: '0'.repeat(64) }), 'key 2: name is the same as that of key 1'],
    [toText(alice, { ...alice, name: 'bob', sha256: sha256.toUpperCase() }), 'key 2: sha256 is the same as that of key 1'],
    [toText(alice, alice), 'key 2: name is the same as that of key 1\nkey 2: sha256 is the same as that of key 1'],
    [
      toText({ ...alice, admin: 1 }, {}),
      'key 1: admin must be true or false\nkey 2: name is missing\nkey 2: sha256 is missing',
    ],
    [toText(...Array.from({ length: 12 }, () => 5)), `${toLines(10)}\nand 2 more`],
  ])('%s', (text, mistakes) => {
    expect(mistakesOf(text)).toBe(mistakes)
  })

  test('whatever JSON the file has, it is read, or refused without a word of it', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.constantFrom('name', 'sha256', 'models', canary), fc.jsonValue())), (keys) => {
        const text = toText(...keys.map((key) => ({ ...key, name: canary })))
        try {
          parseKeys(text)
        } catch (error) {
          expect(error).toBeInstanceOf(KeyFileError)
          expect((error as Error).message).not.toContain(canary)
        }
      }),
    )
  })
})

test('many keys are read in slices', () => {
  const keys = Array.from({ length: 1000 }, (_, i) => ({ name: `key-${i}`, sha256: i.toString(16).padStart(64, '0') }))
  const parsing = parseKeyFile(toText(...keys))
  let slices = 0
  for (let next = parsing.next(); ; next = parsing.next(), slices++) {
    if (!next.done) continue
    expect(next.value).toHaveLength(1000)
    break
  }
  expect(slices).toBe(4)
})

function toLines(count: number): string {
  return Array.from({ length: count }, (_, i) => `key ${i + 1}: must be an object`).join('\n')
}
