import { describe, expect, test } from 'vitest'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import { delayed, lines, tokens } from '#fake-ollama/scripts.ts'
import { read, readAll, toSseEvents, type Answer } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

interface ChatChunk {
  readonly choices: readonly { readonly delta: { readonly content?: string }; readonly finish_reason: string | null }[]
  readonly usage?: object | null
}

/** Returns the chunks before `[DONE]`. */
function toChunks(text: string): ChatChunk[] {
  const data = toSseEvents(text).map((event) => event.data)
  expect(data.pop()).toBe('[DONE]')
  return data.map((json) => JSON.parse(json) as ChatChunk)
}

const messages = [{ role: 'user', content: 'Hi' }]

/** Whether `/v1` speaks OpenAI's protocol (docs/protocol.md#6-dialects). */
export function describeOpenAI(runtime: RuntimeName) {
  describe('openai', () => {
    describe('the wire', () => {
      const stage = useStage(runtime, { SLUICE_HEARTBEAT_MS: '100' })
      const chat = (model: string, more: object = {}, headers = {}) =>
        read(stage.server, { path: '/v1/chat/completions', body: { model, messages, ...more }, headers })
      const streamOf = (said: readonly object[], more: object = {}): Promise<Answer> =>
        readAll(chat(stage.upstream.script(lines(said.map((line) => JSON.stringify(line)))), { stream: true, ...more }))

      test('a stream has exactly the expected frames', async () => {
        const head =
          '{"id":"chatcmpl-my_id","object":"chat.completion.chunk","created":1795342430,"model":"m","system_fingerprint":"fp_ollama"'
        const frame = (choice: string) => `data: ${head},"choices":[${choice}],"usage":null}\n\n`
        const model = stage.upstream.script(
          lines([
            '{"model":"m","created_at":"2026-11-22T10:13:50.5655263Z","message":{"content":" Hi"},"done":false}',
            '{"message":{"content":"!"},"done":true,"done_reason":"length","prompt_eval_count":3,"eval_count":2}',
          ]),
        )
        const asked = { stream: true, stream_options: { include_usage: true } }
        const { text, headers } = await readAll(chat(model, asked, { 'x-request-id': 'my.id' }))
        expect(text).toBe(
          ':\n' +
            frame('{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}') +
            frame('{"index":0,"delta":{"content":" Hi"},"finish_reason":null}') +
            frame('{"index":0,"delta":{"content":"!"},"finish_reason":null}') +
            frame('{"index":0,"delta":{},"finish_reason":"length"}') +
            `data: ${head},"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n` +
            'data: [DONE]\n\n',
        )
        expect(headers).toMatchObject({
          'content-type': 'text/event-stream',
          'cache-control': 'no-cache, no-transform',
          'x-accel-buffering': 'no',
          'x-request-id': 'my.id',
        })
      })

      test('a stream has the same chunks as Ollama 0.33’s own /v1, except for two differences that follow OpenAI', async () => {
        const recording = loadRecording('0.33/v1-chat-stream')
        const { stream_options } = recording.request.body as { stream_options: object }
        const theirs = toChunks(Buffer.from(toBytes(recording)).toString())
        const { prompt_tokens, completion_tokens } = theirs.at(-1)!.usage as Readonly<Record<string, number>>
        const deltas = theirs.flatMap(({ choices }) => choices).map(({ delta: { content } }) => content)
        const said = deltas.slice(0, -1).map((content) => ({ message: { content }, done: false }))
        const last = { done: true, done_reason: 'length', prompt_eval_count: prompt_tokens, eval_count: completion_tokens }
        // In each chunk, Sluice sets `created` to the time in Ollama's first line.
        const { created, model } = theirs[0] as unknown as { created: number; model: string }
        const head = { model, created_at: new Date(created * 1000).toISOString() }
        const { text } = await streamOf([{ ...head, ...said[0]! }, ...said.slice(1), last], { stream_options })
        const ours = toChunks(text)

        const ids = new Set(ours.map((chunk) => (chunk as unknown as { id: string }).id))
        expect(ids.size).toBe(1)
        // The recorded stream comes from Ollama's own `/v1`. Sluice must send the same chunks, with
        // two exceptions, in which it follows OpenAI. Sluice sends the role in a separate chunk
        // before the first token, and `usage: null` in each chunk that has no usage.
        const [first, ...rest] = theirs.map((chunk) => ({ ...chunk, id: [...ids][0] }))
        const { role, ...delta } = first!.choices[0]!.delta as { role: string; content: string }
        const toFirst = (one: object) => ({ ...first, choices: [{ ...first!.choices[0], delta: one }] })
        const usage = (chunk: object) => ({ usage: null, ...chunk })
        expect(ours).toEqual([toFirst({ role, content: '' }), toFirst(delta), ...rest].map(usage))
      })

      test('a stream of /v1/responses has no [DONE], as Ollama’s own and OpenAI’s have none', async () => {
        const theirs = Buffer.from(toBytes(loadRecording('0.33/v1-responses-stream'))).toString()
        const model = stage.upstream.script(tokens({ count: 2 }))
        const ours = (await readAll(read(stage.server, { path: '/v1/responses', body: { model, input: 'Hi', stream: true } })))
          .text
        for (const text of [theirs, ours])
          expect(toSseEvents(text).at(-1)).toMatchObject({
            event: expect.stringMatching(/^response\.(?:completed|incomplete)$/),
          })
      })

      test('without stream_options no chunk has usage', async () => {
        const { text } = await readAll(chat(stage.upstream.script(tokens({ count: 2 })), { stream: true }))
        expect(text).not.toContain('usage')
        expect(toChunks(text)).toHaveLength(4)
      })

      test('heartbeats come while Ollama is silent, and no reader sees them', async () => {
        const model = stage.upstream.script(delayed(600, tokens({ count: 2, perSecond: 4 })))
        const { text } = await readAll(chat(model, { stream: true }))
        expect(text.match(/^:$/gm)!.length).toBeGreaterThan(2)
        expect(toChunks(text)).toHaveLength(4)
      })

      test.each([
        ['line ends', ['\r', '\n', '\r\n', 'a\r\n\r\nb', '\n\n']],
        [
          'what looks like a frame',
          ['\n\ndata: x\n\n', 'event: done\ndata: {}\n\n', 'data: [DONE]\n\n', '[DONE]', ': comment'],
        ],
        ['separators of other kinds', ['\u2028', '\u2029', '\u0085', '\v', '\ufeffbom']],
        ['NUL, quotes and backslashes', ['a\0b', '"', '\\', '\\n', '"}],"finish_reason":"stop"']],
        ['several scripts and emoji', ['你好', '👨‍👩‍👧', 'é', '\u202eabc']],
        ['a long line', ['x'.repeat(100_000)]],
      ])('tokens with %s arrive unchanged', async (_name, texts) => {
        const said = texts.map((content) => ({ message: { content }, done: false }))
        const { text } = await streamOf([...said, { done: true }])
        const deltas = toChunks(text).map(({ choices }) => choices[0]!.delta.content)
        expect(deltas).toEqual(['', ...texts, undefined])
      })

      test('text, thinking and calls of the last line are sent', async () => {
        const call = { function: { name: 'f', arguments: { done: true } } }
        const last = { message: { content: '!', thinking: 'hm', tool_calls: [call, call] }, done: true, done_reason: 'stop' }
        const { text, headers } = await streamOf([last])
        const id = String(headers['x-request-id'])
        const told = { type: 'function', function: { name: 'f', arguments: '{"done":true}' } }
        expect(toChunks(text).map(({ choices }) => choices[0])).toEqual([
          { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null },
          {
            index: 0,
            delta: {
              reasoning: 'hm',
              reasoning_content: 'hm',
              content: '!',
              tool_calls: [
                { index: 0, id: `call_${id}_0`, ...told },
                { index: 1, id: `call_${id}_1`, ...told },
              ],
            },
            finish_reason: null,
          },
          { index: 0, delta: {}, finish_reason: 'tool_calls' },
        ])
      })

      test('an answer in one piece is JSON', async () => {
        const answer = await readAll(chat(stage.upstream.script(tokens({ count: 3 })), {}, { accept: 'text/event-stream' }))
        expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'content-type': 'application/json' } })
        expect(JSON.parse(answer.text)).toMatchObject({
          object: 'chat.completion',
          choices: [{ message: { role: 'assistant', content: ' token token token' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
        })
      })

      test('HEAD works where GET does', async () => {
        for (const path of ['/v1/models', '/v1/models/thinky'])
          expect(await readAll(read(stage.server, { path, method: 'HEAD' }))).toMatchObject({ status: 200, text: '' })
      })

      test.each(['hf.co/me/m:Q4', 'hf.co%2Fme%2Fm%3AQ4', 'hf.co/me%2fm:Q4'])('a model may have slashes: %s', async (id) => {
        const undo = stage.upstream.on('GET /api/tags', (exchange) => {
          const text = '{"models":[{"name":"hf.co/me/m:Q4","modified_at":"2026-11-22T10:13:50Z"}]}'
          exchange.head(200, { 'content-type': 'application/json', 'content-length': String(text.length) })
          exchange.chunk(text)
          exchange.end()
        })
        const { status, text } = await readAll(read(stage.server, { path: `/v1/models/${id}` }))
        undo()
        expect(status).toBe(200)
        expect(JSON.parse(text)).toEqual({ id: 'hf.co/me/m:Q4', object: 'model', created: 1795342430, owned_by: 'me' })
      })
    })
  })
}
