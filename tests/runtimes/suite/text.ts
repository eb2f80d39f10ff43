import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { lines, tokens, tokensThen, thenSilent } from '#fake-ollama/scripts.ts'
import type { Exchange, Script } from '#fake-ollama/upstream.ts'
import { read, readAll, readFailure } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

const paths = ['/api/generate', '/api/chat', '/chat'] as const
const died = '{"error":"an error was encountered while running the model: unexpected EOF"}'

/** Ways in which a stream fails after its first token. */
const failures: readonly (readonly [name: string, end: Script])[] = [
  [
    'an error line',
    (exchange) => {
      exchange.chunk(`${died}\n`)
      exchange.end()
    },
  ],
  ['a clean end without a done line', (exchange) => exchange.end()],
  ['a reset', (exchange) => exchange.reset()],
  ['silence', () => {}],
]

/** Answers as `text/plain` (docs/protocol.md#2-native). */
export function describeText(runtime: RuntimeName) {
  describe('bare text', () => {
    const stage = useStage(runtime, { SLUICE_IDLE_TIMEOUT_MS: '500' })
    const ask = (path: string, script: Script, headers = {}) =>
      read(stage.server, {
        path,
        body: { model: stage.upstream.script(script), text: 'Hi', prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] },
        headers: { accept: 'text/plain', ...headers },
      })

    test.each(paths)('%s: is the text and nothing else, and ends cleanly', async (path) => {
      const answer = await readAll(ask(path, tokens({ count: 3, text: (index) => `${index}: é\r\n` })))
      expect(answer).toMatchObject({ status: 200, ended: 'clean', text: '0: é\r\n1: é\r\n2: é\r\n' })
      expect(answer.headers).toMatchObject({
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      })
    })

    describe.each(paths)('%s: a failure after the first token breaks the response', (path) => {
      test.each(failures)('%s', async (_name, end) => {
        let exchange: Exchange | undefined
        const reader = ask(path, (opened) => {
          exchange = opened
          return tokensThen(['Hel', 'lo'], end)(opened)
        })
        await reader.until((text) => text === 'Hello')
        exchange!.pass()
        expect(await readAll(reader)).toMatchObject({ status: 200, ended: 'broken', text: 'Hello' })
      })
    })

    test.each(paths)('%s: a failure right behind the first token breaks the response', async (path) => {
      const field = path === '/api/chat' ? '"message":{"role":"assistant","content":"Hi"}' : '"response":"Hi"'
      const reader = ask(path, (exchange) => {
        exchange.head(200, { 'content-type': 'application/x-ndjson' })
        exchange.chunk(`{${field},"done":false}\n${died}\n`)
        exchange.end()
      })
      expect(await readAll(reader)).toMatchObject({ ended: 'broken', text: 'Hi' })
    })

    test.each(paths)('%s: a failure before the first token has its status', async (path) => {
      expect(await readFailure(ask(path, lines([died])))).toMatchObject({
        status: 502,
        code: 'upstream_failed',
        headers: { 'content-type': 'application/json' },
      })
    })

    test('an answer without a text is empty, and no failure', async () => {
      const call = '{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"now","arguments":{}}}]}}'
      const done = '{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}'
      const answer = await readAll(ask('/api/chat', lines([call, done])))
      expect(answer).toMatchObject({ status: 200, ended: 'clean', text: '' })
    })

    test('a reader that disconnects stops the upstream', async () => {
      const model = stage.upstream.script(async (exchange) => {
        await tokens({ count: 100_000, perSecond: 50 })(exchange)
      })
      const reader = read(stage.server, {
        path: '/api/generate',
        body: { model, prompt: 'Hi' },
        headers: { accept: 'text/plain' },
      })
      await reader.until((text) => text !== '')
      const { exchange } = await stage.upstream.next(model)
      reader.leave()
      await exchange.closedByReader
    })

    test.each([
      ['text/plain, */*', 'text/event-stream'],
      ['application/json, text/plain, */*', 'application/x-ndjson'],
      ['text/plain, text/event-stream', 'text/event-stream'],
    ])('Accept: %s is %s, because text/plain must have the highest preference', async (accept, type) => {
      const answer = await readAll(ask('/api/generate', tokens({ count: 1 }), { accept }))
      expect(answer.headers['content-type']).toBe(type)
    })

    test('/ollama/cancel/:id breaks the response', async () => {
      const reader = ask('/api/chat', thenSilent(1), { 'x-request-id': 'cancelled-text' })
      await reader.until((text) => text !== '')
      const cancelled = await readAll(read(stage.server, { path: '/ollama/cancel/cancelled-text' }))
      expect(cancelled.status).toBe(204)
      expect(await reader.ended).toBe('broken')
    })

    // In HTTP/1.0 the body ends when the connection closes, so a cut can look like a normal end.
    // By default, nginx uses HTTP/1.0 to the servers behind it.
    test('HTTP/1.0 is answered with SSE on Node and Deno; Bun and workerd do not show the version, and a cut is a reset on Bun and an end on workerd (hazard 84)', async () => {
      const body = JSON.stringify({ model: stage.upstream.script(thenSilent(1)), prompt: 'Hi' })
      const { hostname, port, host } = new URL(stage.server.url)
      const socket = net.connect(Number(port), hostname)
      let text = ''
      socket.on('data', (data) => (text += data.toString()))
      const ended = once(socket, 'end').then(
        () => 'end',
        (error: NodeJS.ErrnoException) => error.code,
      )
      const head = ['POST /api/generate HTTP/1.0', `Host: ${host}`, 'Accept: text/plain', `Content-Length: ${body.length}`]
      socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
      expect(await ended).toBe(runtime === 'bun' ? 'ECONNRESET' : 'end')
      expect(text).toMatch(runtime === 'node' || runtime === 'deno' ? /^event: failed$/m : /\r\n\r\n token$/)
      socket.destroy()
    })
  })
}
