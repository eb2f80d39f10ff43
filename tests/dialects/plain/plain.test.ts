import { describe, expect, test } from 'vitest'
import { plainStream } from '../../../src/dialects/plain/stream.ts'
import { text } from '../../../src/encoders/text.ts'
import { plain } from '../../../src/dialects/plain/plain.ts'

const parse = (body: Record<string, unknown>, accept = 'application/x-ndjson', canCut = true) =>
  plain.generations['/chat']!({ accept, canCut, body })

describe('POST /chat', () => {
  test.each([
    ['text/plain', true, text],
    ['text/plain', false, plainStream],
    ['text/plain, */*', true, plainStream],
    ['text/event-stream', true, plainStream],
    ['application/json', true, plainStream],
  ])('Accept: %s where a response can be cut: %s', (accept, canCut, encoder) => {
    expect(parse({ text: 'hi' }, accept, canCut).encoder).toBe(encoder)
  })

  test('is sent to generate, with its text as the prompt', () => {
    expect(parse({ text: ' hi ' }).call).toEqual({
      endpoint: 'generate',
      model: undefined,
      body: { prompt: ' hi ' },
      thinkWish: 'think',
    })
  })

  test('passes on the known fields, and drops the others', () => {
    const known = { system: 's', think: 'low', options: { seed: 1, odd: 2 }, keep_alive: '1m' }
    const { call, ignored } = parse({
      text: 'hi',
      model: 'gemma3',
      ...known,
      prompt: 'x',
      stream: false,
      images: ['/etc/passwd'],
      raw: true,
    })
    expect(call).toMatchObject({ endpoint: 'generate', model: 'gemma3', body: { prompt: 'hi', ...known } })
    expect(ignored!.toHeader()).toBe('+3 unknown')
  })

  test('is always SSE with raw text, whatever Accept says', () => {
    expect(parse({ text: 'hi' }).encoder).toBe(plainStream)
  })

  test.each([
    ['no text', {}, 'text'],
    ['null', { text: null }, 'text'],
    ['an empty text', { text: '' }, 'text'],
    ['a blank text', { text: ' \n\t\u00A0' }, 'text'],
    ['a number', { text: 1 }, 'text'],
    ['a list', { text: ['hi'] }, 'text'],
    ['a bad model', { text: 'hi', model: '../x' }, 'model'],
    ['a bad system', { text: 'hi', system: 1 }, 'system'],
  ])('refuses %s, and names the field', (_, body, path) => {
    expect(() => parse(body)).toThrow(
      expect.objectContaining({ code: 'invalid_request', issues: expect.arrayContaining([expect.objectContaining({ path })]) }),
    )
  })

  test.each([
    [{ think: 5 }, 'think'],
    [{ options: 'x' }, 'options'],
    [{ keep_alive: true, who: 5 }, 'keep_alive, +1 unknown'],
  ])('ignores %j, and names %s in the header', (more, header) => {
    const { call, ignored } = parse({ text: 'hi', ...more })
    expect(call.body).toEqual({ prompt: 'hi' })
    expect(ignored!.toHeader()).toBe(header)
  })

  test.each([{ model: null }, { system: null }, { think: null }, { options: null }, { keep_alive: null }])(
    'treats %j as absent',
    (more) => {
      const { call, ignored } = parse({ text: 'hi', ...more })
      expect([call.body, ignored!.toHeader()]).toEqual([{ prompt: 'hi' }, undefined])
    },
  )
})
