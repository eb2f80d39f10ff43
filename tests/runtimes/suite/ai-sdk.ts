import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithToolCalls,
  readUIMessageStream,
  type ChatInit,
  type HttpChatTransportInitOptions,
  type UIMessage,
  type UIMessageChunk,
} from 'ai'
import { describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { delayed, lines, ndjson, replay, silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { MemoryChat } from '../memory-chat.ts'
import { read, readAll, readFailure, toSseEvents, toText, type Chunk, type Failure } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const path = '/api/ui/chat'
const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as Chunk)
const hi: UIMessage = { id: 'u1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }
const tools = [
  {
    type: 'function',
    function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
]

/** workerd notices a disconnected reader only when a heartbeat fails. */
const heartbeatMs = 100

/** `POST /api/ui/chat` (docs/protocol.md#6-dialects), tested with the client of the AI SDK. */
export function describeAiSdk(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('ai-sdk', () => {
    const stage = useStage(runtime, { SLUICE_HEARTBEAT_MS: String(heartbeatMs), SLUICE_IDLE_TIMEOUT_MS: '1000' })
    const transport = (options: HttpChatTransportInitOptions<UIMessage> = {}) =>
      new DefaultChatTransport({ api: stage.server.url + path, ...options })
    const createChat = (body: object, init: ChatInit<UIMessage> = {}) =>
      new MemoryChat({ transport: transport({ body }), ...init })

    async function send(body: object, abortSignal?: AbortSignal): Promise<ReadableStream<UIMessageChunk>> {
      return transport().sendMessages({
        chatId: 'chat-1',
        messages: [hi],
        trigger: 'submit-message',
        messageId: undefined,
        abortSignal,
        body,
      })
    }

    /** Returns the message that a page shows at the end. */
    async function assemble(stream: ReadableStream<UIMessageChunk>): Promise<UIMessage> {
      let last: UIMessage | undefined
      for await (const message of readUIMessageStream({ stream, terminateOnError: true })) last = message
      return last!
    }

    const seenOf = (model: string) => stage.upstream.requestsFor(model).map(({ json }) => json as Record<string, unknown>)

    describe('DefaultChatTransport', () => {
      test('gets the chunks of a stream, in order', async () => {
        const model = stage.upstream.script(tokens({ count: 2 }))
        const types = []
        for await (const { type } of await send({ model })) types.push(type)
        const text = ['text-start', 'text-delta', 'text-delta', 'text-end']
        expect(types).toEqual(['start', 'start-step', ...text, 'finish-step', 'finish'])
        expect(stage.upstream.requestsFor(model)[0]).toMatchObject({ method: 'POST', target: '/api/chat' })
        expect(seenOf(model)).toEqual([{ model, messages: [{ role: 'user', content: 'Hi' }], stream: true }])
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking', 'chat-tool-call'])('assembles %s', async (name) => {
        const recorded = chunksOf(name)
        const { parts, metadata } = await assemble(await send({ model: stage.upstream.script(replay(name)), tools }))
        const said = (type: string) => parts.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('')
        expect(said('text')).toBe(toText(recorded))
        expect(said('reasoning')).toBe(recorded.map(({ message }) => message?.thinking ?? '').join(''))
        const calls = recorded.flatMap(({ message }) => message?.tool_calls ?? []) as {
          id: string
          function: { name: string; arguments: object }
        }[]
        expect(parts.filter((part) => part.type.startsWith('tool-'))).toMatchObject(
          calls.map(({ id, function: called }) => ({
            type: `tool-${called.name}`,
            toolCallId: id,
            state: 'input-available',
            input: called.arguments,
          })),
        )
        const { prompt_eval_count: input, eval_count: output, ...last } = recorded.at(-1)! as Record<string, number>
        expect(metadata).toEqual({
          model: last.model,
          done_reason: last.done_reason,
          usage: { inputTokens: input, outputTokens: output, totalTokens: input! + output! },
          timings: {
            totalMs: last.total_duration! / 1e6,
            loadMs: last.load_duration! / 1e6,
            promptEvalMs: last.prompt_eval_duration! / 1e6,
            evalMs: last.eval_duration! / 1e6,
          },
        })
      })

      test('gets no chunk from the opening or from heartbeats', async () => {
        const model = stage.upstream.script(delayed(600, tokens({ count: 3, perSecond: 4 })))
        const reader = read(stage.server, { path, body: { messages: [hi], model } })
        const types = []
        for await (const { type } of await send({ model })) types.push(type)
        expect(types.join()).toMatch(/^start,start-step,text-start(?:,text-delta){3},text-end,finish-step,finish$/)
        expect((await readAll(reader)).text.match(/^:$/gm)!.length).toBeGreaterThan(2)
      })

      test('asks the default model where none is named', async () => {
        expect(await assemble(await send({}))).toMatchObject({ metadata: { model: 'gemma3:270m' } })
        expect((stage.upstream.requests.at(-1)!.json as { model: string }).model).toMatch(/\S/)
      })

      test('stops the upstream by its signal, before the first token too', async () => {
        for (const script of [silent(), thenSilent(1)]) {
          const model = stage.upstream.script(script)
          const controller = new AbortController()
          const sent = send({ model }, controller.signal).then((stream) => assemble(stream))
          const { exchange } = await stage.upstream.next(model)
          controller.abort()
          await expect(sent).rejects.toThrow(/abort/i)
          await exchange.closedByReader
        }
      })
    })

    describe('useChat', () => {
      test('sends, streams and is ready again', async () => {
        const model = stage.upstream.script(replay('chat-stream'))
        const ends: object[] = []
        const chat = createChat({ model }, { onFinish: (end) => ends.push(end) })
        await chat.sendMessage({ text: 'Hi' })
        expect(chat.statuses).toEqual(['submitted', 'streaming', 'ready'])
        expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
        expect(chat.text).toBe(toText(chunksOf('chat-stream')))
        expect(ends).toMatchObject([{ isAbort: false, isDisconnect: false, isError: false, finishReason: 'length' }])
        expect(chat.error).toBeUndefined()
      })

      test('continues a conversation, and regenerates an answer', async () => {
        const model = stage.upstream.script(tokens({ count: 1, text: 'Hello' }))
        const chat = createChat({ model }, { transport: transport({ body: { model }, headers: { 'x-request-id': 'same' } }) })
        await chat.sendMessage({ text: 'Hi' })
        await chat.sendMessage({ text: 'Again' })
        await chat.regenerate()
        // Each answer must be a separate message, even if a page sends the same id with every
        // request.
        expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
        expect(new Set(chat.messages.map(({ id }) => id)).size).toBe(4)
        const asked = [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello' },
          { role: 'user', content: 'Again' },
        ]
        expect(seenOf(model).map(({ messages }) => messages)).toEqual([asked.slice(0, 1), asked, asked])
      })

      test('passes on the fields that the page adds', async () => {
        const model = stage.upstream.script(replay('chat-thinking'))
        const more = { think: true, options: { seed: 1 }, keep_alive: '5m', tools }
        const chat = createChat({ model, system: 'Be brief', ...more })
        await chat.sendMessage({ text: 'Hi' })
        const messages = [
          { role: 'system', content: 'Be brief' },
          { role: 'user', content: 'Hi' },
        ]
        expect(seenOf(model)).toEqual([{ model, messages, ...more, stream: true }])
        expect(chat.lastMessage!.parts).toMatchObject([
          { type: 'step-start' },
          { type: 'reasoning', state: 'done', text: 'The user asks a simple question.' },
          { type: 'text', state: 'done', text: 'Blue.' },
        ])
      })

      test('sends a file as an image', async () => {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const chat = createChat({ model })
        const png = 'iVBORw0KGgo='
        const file = { type: 'file', mediaType: 'image/png', url: `data:image/png;base64,${png}` } as const
        await chat.sendMessage({ text: 'What is this?', files: [file] })
        expect(chat.status).toBe('ready')
        expect(seenOf(model)[0]!.messages).toEqual([{ role: 'user', content: 'What is this?', images: [png] }])
      })

      test('runs a tool and goes on in the same message with its result', async () => {
        let round = 0
        const model = stage.upstream.script((exchange) =>
          round++ === 0 ? replay('chat-tool-call')(exchange) : tokens({ count: 1, text: '21 °C' })(exchange),
        )
        const called: object[] = []
        const chat = createChat(
          { model, tools },
          {
            sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
            onToolCall({ toolCall }) {
              called.push(toolCall)
              void chat.addToolOutput({ tool: toolCall.toolName, toolCallId: toolCall.toolCallId, output: { celsius: 21 } })
            },
          },
        )
        await chat.sendMessage({ text: 'Weather in Tokyo?' })
        await expect.poll(() => [chat.status, chat.text]).toEqual(['ready', '21 °C'])
        const call = { toolName: 'get_weather', toolCallId: 'call_0v2e5mnj', input: { city: 'Tokyo' } }
        expect(called).toEqual([{ type: 'tool-input-available', ...call }])
        expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
        expect(chat.lastMessage!.parts).toMatchObject([
          { type: 'step-start' },
          { type: 'tool-get_weather', state: 'output-available', output: { celsius: 21 } },
          { type: 'step-start' },
          { type: 'text', text: '21 °C' },
        ])
        const asked = { id: call.toolCallId, function: { name: call.toolName, arguments: call.input } }
        expect(seenOf(model)[1]!.messages).toEqual([
          { role: 'user', content: 'Weather in Tokyo?' },
          { role: 'assistant', content: '', tool_calls: [asked] },
          { role: 'tool', content: '{"celsius":21}', tool_name: 'get_weather', tool_call_id: 'call_0v2e5mnj' },
        ])
      })

      test('stops in the middle, keeps the text so far, and the upstream stops', async () => {
        const model = stage.upstream.script(thenSilent(2))
        const chat = createChat({ model })
        const sent = chat.sendMessage({ text: 'Hi' })
        const { exchange } = await stage.upstream.next(model)
        await expect.poll(() => chat.text).toBe(' token token')
        void chat.stop()
        await exchange.closedByReader
        await sent
        expect([chat.status, chat.error, chat.text]).toEqual(['ready', undefined, ' token token'])
      })

      test.each<[string, RegExp, Script]>([
        ['resets the connection', /Ollama/, ({ reset }) => reset()],
        ['closes the connection', /Ollama/, ({ fin }) => fin()],
        ['ends without a terminal', /without finishing/, ({ end }) => end()],
        [
          'tells of an error',
          /^the runner died$/,
          (exchange) => (exchange.chunk('{"error":"the runner died"}\n'), exchange.end()),
        ],
        ['says what is no JSON', /Ollama/, (exchange) => (exchange.chunk('<html>\n'), exchange.end())],
        ['falls silent', /fell silent for 1 s/, () => {}],
      ])('fails when the upstream %s in the middle, and keeps the text so far', async (_name, message, end) => {
        const model = stage.upstream.script(tokensThen(['One', ' two'], end))
        const ends: { isError: boolean }[] = []
        const chat = createChat({ model }, { onFinish: (how) => ends.push(how) })
        const sent = chat.sendMessage({ text: 'Hi' })
        await expect.poll(() => chat.text).toBe('One two')
        ;(await stage.upstream.next(model)).exchange.pass()
        await sent
        expect(chat.statuses).toEqual(['submitted', 'streaming', 'error'])
        expect(chat.error!.message).toMatch(message)
        expect(chat.text).toBe('One two')
        expect(ends).toMatchObject([{ isError: true, isAbort: false, isDisconnect: false, finishReason: undefined }])
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test.each([
        ['there is no such model', 404, 'model_not_found', () => 'nobody'],
        ['Ollama is busy', 503, 'upstream_busy', () => stage.upstream.script(replay('error-busy'))],
        ['Ollama fails at once', 502, 'upstream_failed', () => stage.upstream.script(lines(['{"error":"the runner died"}']))],
        ['Ollama says nothing', 502, 'upstream_truncated', () => stage.upstream.script(lines([]))],
        ['its request is refused', 400, 'invalid_request', () => '../x'],
      ])('fails with the status and the envelope when %s', async (_name, status, code, toModel) => {
        const chat = createChat({ model: toModel() })
        await chat.sendMessage({ text: 'Hi' })
        expect(chat.statuses).toEqual(['submitted', 'error'])
        expect(chat.error).toMatchObject({ name: 'AI_APICallError', statusCode: status })
        expect(JSON.parse(chat.error!.message)).toMatchObject({ code, error: expect.stringMatching(/\S/) })
        expect(chat.messages).toHaveLength(1)
      })
    })

    describe('on the wire', () => {
      const post = (body: object | string, headers = {}) => read(stage.server, { path, body, headers })

      test('is SSE with the header of the protocol, whatever Accept says, and ends with [DONE]', async () => {
        for (const accept of ['*/*', 'application/json', 'application/x-ndjson']) {
          const model = stage.upstream.script(tokens({ count: 1 }))
          const answer = await readAll(post({ messages: [hi], model, stream: false }, { accept }))
          expect(answer).toMatchObject({
            status: 200,
            ended: 'clean',
            headers: {
              'content-type': 'text/event-stream',
              'x-vercel-ai-ui-message-stream': 'v1',
              'cache-control': 'no-cache, no-transform',
              'x-accel-buffering': 'no',
            },
          })
          const events = toSseEvents(answer.text)
          expect(events.every(({ event }) => event === undefined)).toBe(true)
          expect(events.at(-1)!.data).toBe('[DONE]')
          expect(JSON.parse(events.at(-2)!.data)).toMatchObject({ type: 'finish' })
        }
      })

      test('a failed stream ends with an error frame, without finish or [DONE]', async () => {
        const model = stage.upstream.script(tokensThen(['One', ' two'], ({ reset }) => reset()))
        const reader = post({ messages: [hi], model })
        await reader.until((text) => text.includes('two'))
        ;(await stage.upstream.next(model)).exchange.pass()
        const { text, ended } = await readAll(reader)
        expect(ended).toBe('clean')
        const last = JSON.parse(toSseEvents(text).at(-1)!.data) as object
        expect(last).toEqual({ type: 'error', errorText: expect.stringMatching(/Ollama/) })
        expect(text).not.toMatch(/finish|\[DONE\]/)
      })

      test('a failure after the opening and before a token is an error too', async () => {
        const model = stage.upstream.script(delayed(600, replay('error-busy')))
        const { status, text } = await readAll(post({ messages: [hi], model }))
        expect(status).toBe(200)
        expect(toSseEvents(text).map(({ data }) => JSON.parse(data) as object)).toEqual([
          { type: 'error', errorText: expect.stringMatching(/^server busy/) },
        ])
      })

      test('a token that looks like a frame stays text', async () => {
        const said = ['\n\ndata: [DONE]\n\n', '\r', 'event: error\n', '\u2028\0', ' 你好', '{"type":"finish"}']
        const model = stage.upstream.script((exchange) => {
          exchange.head(200, ndjson)
          for (const text of said) exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
          exchange.chunk(`${toDoneLine(exchange.request, said.length)}\n`)
          exchange.end()
        })
        const { parts } = await assemble(await send({ model }))
        expect(parts[1]).toMatchObject({ type: 'text', text: said.join('') })
      })

      describe('a bad request', () => {
        const part = (value: unknown) => ({ messages: [{ ...hi, parts: [value] }] })
        const file = (mediaType: string, url: string) => part({ type: 'file', mediaType, url })
        const place = 'messages.0.parts.0'
        const leftOut = (kind: string) => ({ role: 'user', content: `[${kind} left out]` })

        each<[name: string, body: object, message: object, ignored?: string]>([
          ['an unknown role', { messages: [{ ...hi, role: 'robot' }] }, { role: 'robot', content: 'Hi' }],
          ['text that is no text', part({ type: 'text', text: { toString: 'x' } }), leftOut('part'), place],
          ['a type named __proto__', part({ type: '__proto__' }), leftOut('part'), place],
          ['a PDF', file('application/pdf', 'data:application/pdf;base64,AAAA'), leftOut('file'), place],
          ['a bad seed', { messages: [hi], options: { seed: '5' } }, { role: 'user', content: 'Hi' }, 'options.seed'],
        ])('with %s is answered all the same, and reports what was left out', async (_name, body, message, ignored) => {
          const model = stage.upstream.script(tokens({ count: 1 }))
          const { status, headers } = await readAll(post({ ...body, model }))
          expect([status, headers['x-sluice-ignored']]).toEqual([200, ignored])
          const options = 'options' in body ? { options: {} } : {}
          const { json } = stage.upstream.requestsFor(model)[0]!
          expect(json).toEqual({ model, messages: [message], stream: true, ...options })
        })

        each<[string, object | string, string, string?]>([
          ['no JSON', '{"messages":', 'invalid_json'],
          ['no object', '[]', 'invalid_json'],
          ['33 levels', `{"messages":${'['.repeat(33)}${']'.repeat(33)}}`, 'invalid_json'],
          ['no messages', {}, 'invalid_request', 'messages'],
          ['an empty list of messages', { messages: [] }, 'invalid_request', 'messages'],
          ['a question without a word', { messages: [{ ...hi, parts: [] }] }, 'invalid_request', 'messages'],
          ['messages that are a text', { messages: 'Hi' }, 'invalid_request', 'messages'],
          ['parts that are no list', { messages: [{ ...hi, parts: { length: 1 } }] }, 'invalid_request', 'messages'],
          [
            'an image that is no base64',
            file('image/png', 'data:image/png;base64,?'),
            'invalid_request',
            'messages.0.parts.0.url',
          ],
          ['an image that is a path', file('image/png', '/etc/passwd'), 'not_supported', 'messages.0.parts.0.url'],
          ['an image on another server', file('image/png', 'http://evil/x'), 'not_supported', 'messages.0.parts.0.url'],
          ['tools that are no list', { messages: [hi], tools: 5 }, 'invalid_request', 'tools'],
        ])('with %s is refused in the envelope, and the upstream sees nothing', async (_name, body, code, where) => {
          let failure: Failure | undefined
          const asked = await countRequests(stage, async () => {
            const { status, ...rest } = await readFailure(post(body))
            expect(status).toBe(400)
            failure = rest
          })
          expect(asked).toBe(0)
          expect(failure!.code).toBe(code)
          expect(failure!.request_id).toMatch(/\S/)
          if (where) expect(failure!.issues!.map((issue) => issue.path)).toContain(where)
          expect(failure!.error).not.toMatch(/evil|passwd|robot/)
        })

        test('in an unknown coding is 415, and with another method 405', async () => {
          expect(await readFailure(post({ messages: [hi] }, { 'content-encoding': 'compress' }))).toMatchObject({ status: 415 })
          expect(await readFailure(read(stage.server, { path }))).toMatchObject({ status: 405, headers: { allow: 'POST' } })
        })
      })

      each<[string, object]>([
        ['half a surrogate and NUL', { messages: [{ ...hi, parts: [{ type: 'text', text: 'a\ud800b\0' }] }] }],
        ['a text of 10 MB', { messages: [{ ...hi, parts: [{ type: 'text', text: 'x'.repeat(10_000_000) }] }] }],
        ['100,000 messages', { messages: Array.from({ length: 100_000 }, () => hi) }],
        ['10,000 tools', { messages: [hi], tools: Array.from({ length: 10_000 }, () => tools[0]!) }],
        [
          'unknown fields',
          JSON.parse(`{"messages":[${JSON.stringify(hi)}],"__proto__":{"a":1},"constructor":{"prototype":{}}}`),
        ],
      ])('%s passes', async (_name, body) => {
        const model = stage.upstream.script(tokens({ count: 1 }))
        const headers = { 'content-type': 'text/plain' }
        const { status, text } = await readAll(post({ ...body, model }, headers))
        expect([status, toSseEvents(text).at(-1)?.data]).toEqual([200, '[DONE]'])
      })
    })
  })
}
