import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hash, toConversation, toScore } from '../../src/pool/affinity.ts'

const m = { model: 'm' }
const user = (content: unknown) => ({ role: 'user', content })

describe('a conversation', () => {
  test('is told by its first message of the user, not by its system prompt or its length', () => {
    const one = toConversation({ messages: [{ role: 'system', content: 'a' }, user('Hi')] }, m)
    expect(one).toBeTypeOf('number')
    expect(toConversation({ messages: [{ role: 'system', content: 'b' }, user('Hi'), user('more')] }, m)).toBe(one)
    expect(toConversation({ messages: [user('Ho')] }, m)).not.toBe(one)
    expect(toConversation({ prompt: 'Hi', system: 'x' }, m)).toBe(one)
  })

  test('is told by the name that the caller gives it, before its message', () => {
    const one = toConversation({ messages: [user('Hi')] }, { ...m, session: 's' })
    expect(toConversation({ messages: [user('Ho')] }, { ...m, session: 's' })).toBe(one)
    expect(toConversation({ messages: [user('Hi')] }, { ...m, session: 't' })).not.toBe(one)
  })

  test('is another for another key or model', () => {
    const body = { messages: [user('Hi')] }
    const all = [m, { model: 'n' }, { ...m, principal: 'a' }, { ...m, principal: 'b' }].map((of) => toConversation(body, of))
    expect(new Set(all).size).toBe(4)
  })

  test.each([
    {},
    { messages: [] },
    { messages: 'x' },
    { messages: [null, 1, user(undefined), {}] },
    { prompt: '' },
    { input: 'x' },
  ])('is none in %j', (body) => {
    expect(toConversation(body, m)).toBeUndefined()
  })
})

describe('the best host of a conversation', () => {
  const names = ['a', 'b', 'c', 'd']
  const bestOf = (conversation: number, hosts: readonly string[], weight: (name: string) => number = () => 1) =>
    hosts.toSorted((a, b) => toScore(conversation, hash(b, 0), weight(b)) - toScore(conversation, hash(a, 0), weight(a)))[0]

  test('stays the same if another host goes', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...names), (topic, gone) => {
        const conversation = hash(topic, 0)
        const best = bestOf(conversation, names)
        const left = names.filter((name) => name !== gone)
        if (best !== gone) expect(bestOf(conversation, left)).toBe(best)
      }),
    )
  })

  test('is each host for a fair share, and for more if it is stronger', () => {
    const count = (weight?: (name: string) => number) => {
      const counts = new Map(names.map((name) => [name, 0]))
      for (let i = 0; i < 10_000; i++) {
        const best = bestOf(hash(`conversation ${i}`, 0), names, weight)!
        counts.set(best, counts.get(best)! + 1)
      }
      return Object.fromEntries(counts)
    }
    for (const share of Object.values(count())) expect(Math.abs(share - 2500)).toBeLessThan(250)
    const strong = count((name) => (name === 'a' ? 3 : 1))
    expect(Math.abs(strong.a! - 5000)).toBeLessThan(400)
  })

  test('has a score above 0 for any numbers', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer({ min: 1, max: 1000 }), (conversation, host, weight) => {
        const score = toScore(conversation, host, weight)
        expect(score > 0 && Number.isFinite(score)).toBe(true)
      }),
    )
  })
})
