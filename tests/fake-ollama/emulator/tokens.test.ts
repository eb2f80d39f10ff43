import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chineseTour } from '#fake-ollama/emulator/chinese-tour.ts'
import { englishTour } from '#fake-ollama/emulator/english-tour.ts'
import { createRandom } from '#fake-ollama/emulator/seeded.ts'
import { cutAtStop, cutTokens } from '#fake-ollama/emulator/tokens.ts'

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'grapheme', maxLength: 200 }))

test('tokens joined are the text, and none ends inside a character', () => {
  fc.assert(
    fc.property(text, fc.string(), (whole, seed) => {
      const tokens = cutTokens(whole, createRandom(seed))
      expect(tokens.join('')).toBe(whole)
      for (const token of tokens) expect(token.isWellFormed() && token !== '').toBe(true)
    }),
  )
})

test('a stop sequence is never in the text, and the text is a prefix of the text without it', () => {
  const sequence = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), minLength: 1, maxLength: 4 })
  const spoken = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n'), maxLength: 60 })
  fc.assert(
    fc.property(spoken, fc.array(sequence, { maxLength: 4 }), fc.string(), (whole, stops, seed) => {
      const { tokens, stopped } = cutAtStop(cutTokens(whole, createRandom(seed)), stops)
      const kept = tokens.join('')
      expect(whole.startsWith(kept)).toBe(true)
      expect(stopped).toBe(stops.some((stop) => whole.includes(stop)))
      for (const stop of stops) expect(kept).not.toContain(stop)
      expect(tokens).not.toContain('')
    }),
  )
})

describe('every answer of the tour', () => {
  const stops = [englishTour, chineseTour].flatMap(({ topics, greeting }) => [...topics, greeting])
  const closings = [...englishTour.closings, ...chineseTour.closings]

  test('has 60 to 200 tokens', () => {
    for (const { openings, body } of stops) {
      const tokens = cutTokens(`${openings[0]}\n\n${body}\n\n${closings[0]}`, createRandom(body))
      expect(tokens.length, openings[0]).toBeGreaterThanOrEqual(60)
      expect(tokens.length, openings[0]).toBeLessThanOrEqual(200)
    }
  })

  test('closes its code blocks', () => {
    for (const { body } of stops) expect(body.split('```').length % 2).toBe(1)
  })
})

test('the answers exercise framing: spaces first, newlines, surrogates, joiners apart from what they join', () => {
  const bodies = [...englishTour.topics, englishTour.greeting].map(({ body }) => body).join('\n')
  const tokens = cutTokens(bodies, createRandom('framing'))
  expect(tokens.some((token) => token.startsWith(' '))).toBe(true)
  expect(tokens.some((token) => token.includes('\n'))).toBe(true)
  expect(tokens.some((token) => /[\u{1F000}-\u{1FFFF}]/u.test(token))).toBe(true)
  expect(tokens.some((token) => token.startsWith('\u200d') || token.endsWith('\u200d'))).toBe(true)
})
