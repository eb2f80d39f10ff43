import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createModelGlobs } from '../../src/upstreams/model-globs.ts'

describe('globs of models', () => {
  test.each([
    ['gemma3', 'gemma3', true],
    ['gemma3', 'gemma3:latest', true],
    ['gemma3:latest', 'gemma3', true],
    ['gemma3', 'gemma3:270m', false],
    ['gemma3:*', 'gemma3:270m', true],
    ['gemma3:*', 'gemma3', true],
    ['gemma*', 'gemma3:270m', true],
    ['*', 'anything/at:all', true],
    ['*:270m', 'gemma3:270m', true],
    ['*:270m', 'gemma3:1b', false],
    ['hf.co/*/b:*', 'hf.co/a/b:Q4', true],
    ['hf.co/*/b:*', 'hf.co/a/c:Q4', false],
    ['a*a', 'a', false],
    ['a*b*a', 'ababa', true],
    ['a*b*a', 'ab', false],
    ['registry:5000/a/b', 'registry:5000/a/b:latest', true],
    ['gemma3', 'GEMMA3', false],
    ['g.mma3', 'gemma3', false],
  ])('%s: %s is listed: %s', (glob, name, isListed) => {
    expect(createModelGlobs([glob])(name)).toBe(isListed)
  })

  test('one matching glob of several is enough, and without globs no model is listed', () => {
    expect(createModelGlobs(['a', 'b*'])('bee')).toBe(true)
    expect(createModelGlobs([])('bee')).toBe(false)
  })

  test.each([
    [undefined, 'gpt-oss:120b-cloud', false],
    [undefined, 'kimi:cloud', false],
    [undefined, 'kimi:CLOUD', false],
    [undefined, 'cloud', true],
    [undefined, 'cloudy:cloudless', true],
    [['*'], 'kimi:cloud', false],
    [['kimi*'], 'kimi:cloud', false],
    [['kimi:cloud'], 'kimi:cloud', true],
    [['*:cloud'], 'kimi:cloud', true],
    [['*-cloud'], 'gpt-oss:120b-cloud', true],
    [['*-cloud'], 'kimi:cloud', false],
  ])('%j: %s, which may be a cloud model, is listed: %s', (globs, name, isListed) => {
    expect(createModelGlobs(globs)(name)).toBe(isListed)
  })

  test('match as equivalent regular expressions do, in linear time', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
    const names = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(letters, names, (glob, name) => {
        const reference = new RegExp(`^${glob.replaceAll('*', '.*')}:x$`)
        expect(createModelGlobs([`${glob}:x`])(`${name}:x`)).toBe(reference.test(`${name}:x`))
      }),
    )
    const start = performance.now()
    createModelGlobs(['*a'.repeat(128)])('a'.repeat(250) + 'b')
    expect(performance.now() - start).toBeLessThan(1000)
  })
})
