import { describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { surfaces, toEnding, type Surface } from '../../surfaces.ts'
import { read, readAll, readRaw } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * For each path, makes a body with the user's text in the right field. Paths below `/ollama` use
 * the same fields.
 */
const sayings: Readonly<Record<string, (content: unknown) => Json>> = {
  '/api/generate': (prompt) => ({ prompt }),
  '/api/chat': (content) => ({ messages: [{ role: 'user', content }] }),
  '/chat': (text) => ({ text }),
  '/v1/chat/completions': (content) => ({ messages: [{ role: 'user', content }] }),
  '/v1/completions': (prompt) => ({ prompt }),
  '/v1/responses': (input) => ({ input }),
  '/v1/messages': (content) => ({ max_tokens: 5, messages: [{ role: 'user', content }] }),
  '/api/ui/chat': (text) => ({ messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text }] }] }),
}
const say = ({ path }: Surface, text: unknown) => sayings[path.replace(/^\/ollama/, '')]!(text)
const generating = surfaces.filter(({ endpoint }) => endpoint !== undefined)
const chats = ['/api/chat', '/ollama/api/chat']
const ownPaths = ['/api/generate', '/ollama/api/generate', ...chats]

/** Returns the text that Ollama was asked to answer. */
const toAsked = (json: unknown): unknown => {
  const { prompt, messages } = json as { prompt?: unknown; messages?: readonly { content: unknown }[] }
  return messages ? messages.at(-1)!.content : prompt
}

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const hi = { role: 'user', content: 'Hi' }
const schema = { type: 'object', properties: {} }

/** Returns a function that writes a body as JSON, with `text` before its first field. */
const before = (text: string) => (body: Json) => JSON.stringify(body).replace('{', `{${text},`)

/**
 * Bodies with odd keys. Sluice accepts all of them, and Ollama gets the same question as without
 * the odd keys.
 */
const keys: readonly (readonly [name: string, change: (body: Json) => string])[] = [
  ['a key twice, of which the last counts', before('"model":5')],
  ['__proto__', before('"__proto__":{"model":"evil","stream":"x"}')],
  ['constructor.prototype', before('"constructor":{"prototype":{"model":"evil"}}')],
  ['toString and then', before('"toString":1,"valueOf":1,"then":1,"length":-1')],
  ['an unknown key', before('"a_field_to_come":{"a":[1]}')],
  ['a NUL in a key', before('"a\\u0000b":1')],
  ['an empty key', before('"":1')],
  ['100,000 keys', before(Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(','))],
]

/** Odd texts. Sluice accepts all of them, and Ollama gets them unchanged. */
const texts: readonly (readonly [name: string, text: string])[] = [
  ['a lone surrogate', 'a\ud800b'],
  ['a NUL', 'a\0b'],
  ['controls and bidi', '\u0001\u007f\u202e\u2066\ufeff'],
  ['what looks like a frame', '\r\n\r\ndata: [DONE]\n\nevent: done\n'],
]

/** Requests of Ollama's own API that Sluice refuses, and the field that the error names. */
const refused: readonly (readonly [name: string, paths: readonly string[], body: Json | string, where: string | undefined])[] =
  [
    ['stream as a text', ownPaths, { stream: 'true' }, 'stream'],
    ['stream as a number', ownPaths, { stream: 1 }, 'stream'],
    ['a schema 10,000 deep', ownPaths, `{"format":${deep(10_000)}}`, undefined],
    ['a field that Ollama would read as another', ownPaths, { Model: 'evil' }, 'lower case'],
  ]

/**
 * Odd values in requests of Ollama's own API. Sluice accepts them, because only Ollama checks them.
 */
const passed: readonly (readonly [name: string, paths: readonly string[], body: Json])[] = [
  ['an unknown role', chats, { messages: [{ role: 'robot', content: 'Hi' }] }],
  ['content that is a number', chats, { messages: [{ role: 'user', content: 5 }] }],
  ['content that is a list', chats, { messages: [{ role: 'user', content: [] }] }],
  ['content that is an object', chats, { messages: [{ role: 'user', content: { toString: 'x' } }] }],
  ['messages that are not objects', chats, { messages: [5] }],
  ['an image that is no base64', chats, { messages: [{ ...hi, images: ['?'] }] }],
  ['an image that is a file’s path', chats, { messages: [{ ...hi, images: ['/etc/passwd'] }] }],
  ['an image at a URL', ['/api/generate'], { prompt: 'Hi', images: ['http://evil/x'] }],
  ['a data URL', ['/api/generate'], { prompt: 'Hi', images: ['data:image/png;base64,AAAA'] }],
  ['a prompt that is not a string', ['/api/generate'], { prompt: ['Hi'] }],
]

/** Requests with odd keys, odd text or odd values, on every surface. */
export function describeOddRequests(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('odd requests', () => {
    const stage = useStage(runtime)

    async function expectPassed(surface: Surface, toBody: (body: Json) => string | Json, headers = {}) {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const body = toBody({ ...say(surface, 'Hi'), model })
      const answer = await readAll(read(stage.server, { path: surface.path, body, headers }))
      const contentType = answer.headers['content-type']
      expect(toEnding(surface, { ...answer, contentType }), surface.path).toBe('done')
      const seen = stage.upstream.requestsFor(model)
      expect(seen).toHaveLength(1)
      expect(seen[0]!.json).toMatchObject({ model, stream: true })
      return seen[0]!.json
    }

    each(keys)('with %s pass on every surface, and Ollama gets the same prompt', async (_name, change) => {
      for (const surface of generating) expect(toAsked(await expectPassed(surface, change)), surface.path).toBe('Hi')
    })

    each(texts)('%s passes on every surface', async (_name, text) => {
      for (const surface of generating) {
        const json = await expectPassed(surface, ({ model }) => ({ ...say(surface, text), model }))
        expect(toAsked(json), surface.path).toBe(text)
      }
    })

    test('white space passes as a prompt', async () => {
      for (const surface of generating.filter(({ path }) => path.endsWith('/generate')))
        expect(toAsked(await expectPassed(surface, ({ model }) => ({ prompt: ' \n', model })))).toBe(' \n')
    })

    test('10 MB of text pass', async () => {
      const text = 'x'.repeat(10_000_000)
      for (const surface of generating.filter(({ path }) => ['/api/generate', '/chat', '/ollama/api/chat'].includes(path)))
        expect(toAsked(await expectPassed(surface, ({ model }) => ({ ...say(surface, text), model })))).toBe(text)
    })

    test('100,000 messages and 10,000 tools pass', async () => {
      const messages = Array.from({ length: 100_000 }, () => hi)
      const tools = Array.from({ length: 10_000 }, (_, i) => ({
        type: 'function',
        function: { name: `f${i}`, parameters: schema },
      }))
      for (const surface of generating.filter(({ path }) => chats.includes(path))) {
        expect(await expectPassed(surface, (body) => ({ ...body, messages }))).toMatchObject({ messages: { length: 100_000 } })
        expect(await expectPassed(surface, (body) => ({ ...body, tools }))).toMatchObject({ tools: { length: 10_000 } })
      }
    })

    test('a long keep_alive passes', async () => {
      for (const surface of generating.filter(({ path }) => ownPaths.includes(path) || path === '/chat'))
        expect(await expectPassed(surface, (body) => ({ ...body, keep_alive: '999h' }))).toMatchObject({ keep_alive: '999h' })
    })

    test('negative numbers and -0 pass', async () => {
      for (const surface of generating.filter(({ path }) => ownPaths.includes(path) || path === '/chat')) {
        const json = await expectPassed(surface, before('"options":{"seed":-1,"temperature":-0}'))
        expect(json).toMatchObject({ options: { seed: -1, temperature: -0 } })
      }
    })

    each(refused)('%s is refused, and Ollama sees nothing', async (_name, paths, body, where) => {
      for (const path of paths) {
        const surface = surfaces.find((one) => one.path === path)!
        const sent = typeof body === 'string' ? body : { model: 'smollm2:135m', ...body }
        const asked = await countRequests(stage, async () => {
          const answer = await readAll(read(stage.server, { path, body: sent }))
          expect(answer.status).toBe(400)
          expect(toEnding(surface, { ...answer, contentType: answer.headers['content-type'] })).toBe('refused')
          if (where) expect(answer.text).toContain(where)
          expect(answer.text).not.toMatch(/evil/)
        })
        expect(asked).toBe(0)
      }
    })

    each(passed)('%s passes unchanged', async (_name, paths, body) => {
      for (const path of paths) {
        const surface = surfaces.find((one) => one.path === path)!
        const json = await expectPassed(surface, ({ model }) => ({ model, ...body }))
        expect(json).toEqual({ ...body, model: expect.any(String), stream: true })
      }
    })

    test('a Last-Event-ID of 1 MB is refused or ignored', async () => {
      const reader = readRaw(
        stage.server,
        `GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: ${'x'.repeat(1_000_000)}\r\n\r\n`,
      )
      let isClosed = false
      void reader.closed.then(() => (isClosed = true))
      await expect.poll(() => isClosed || /^HTTP\/1\.1 (?:431|200) /.test(reader.text)).toBe(true)
      reader.socket.destroy()
      expect(await readAll(read(stage.server, { path: '/ping' }))).toMatchObject({ status: 200 })
    })

    test('a header with an escaped line break adds no header at Ollama', async () => {
      const body = JSON.stringify({ model: 'smollm2:135m', prompt: 'Hi' })
      const odd = ['traceparent: 00-a%0d%0aX-Evil: 1', 'tracestate: a=b%0d%0aX-Evil:1', 'x-request-id: a%0d%0ab']
      const { socket, ...reader } = readRaw(
        stage.server,
        `POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\n${odd.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      await expect.poll(() => stage.upstream.requests.at(-1)!.body).toContain('"prompt":"Hi"')
      void reader.closed
      socket.destroy()
      for (const name of ['x-evil', 'traceparent', 'tracestate', 'x-request-id'])
        expect(stage.upstream.requests.at(-1)!.headers).not.toHaveProperty(name)
    })
  })
}
