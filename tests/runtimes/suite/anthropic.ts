import Anthropic, { APIError, APIUserAbortError, BadRequestError, InternalServerError, NotFoundError } from '@anthropic-ai/sdk'
import { describe, expect, test } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { delayed, lines, replay, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { deaths, twoTokensThen } from '../deaths.ts'
import type { Chunk } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

/**
 * Some tests check that a client's abort stops the stream. A failed heartbeat would also stop the
 * stream, and would hide an abort that has no effect. So these tests run without heartbeats on
 * Node and Bun. On workerd they run with heartbeats, because workerd notices a disconnected reader
 * only when a write fails (docs/hazards.md#11).
 */
const hourMs = '3600000'

const hi = { role: 'user', content: 'Hi' } as const
const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as Chunk)
const textOf = (name: string) => chunksOf(name).reduce((text, { message }) => text + (message?.content ?? ''), '')

/** Programs that were written for Anthropic's API (docs/protocol.md#6-dialects). */
export function describeAnthropic(runtime: RuntimeName) {
  describe('anthropic', () => {
    describe('its SDK', () => {
      const stage = useStage(runtime, runtime === 'worker' ? {} : { SLUICE_HEARTBEAT_MS: hourMs })
      const { messages } = createLazyClient(() => stage.server.url)
      /** Makes the fields of a request. The model of the request answers with this script. */
      const ask = (script: Script) => ({ model: stage.upstream.script(script), max_tokens: 50, messages: [hi] })
      const askedOf = (model: string) => stage.upstream.requestsFor(model).map(({ target, json }) => ({ target, json }))

      test('gets an answer in one piece', async () => {
        const request = ask(replay('chat-stream'))
        const message = await messages().create(request)
        const last = chunksOf('chat-stream').at(-1)!
        expect(message).toMatchObject({
          id: expect.stringMatching(/^msg_[\w-]+$/),
          type: 'message',
          role: 'assistant',
          model: last.model,
          content: [{ type: 'text', text: textOf('chat-stream') }],
          stop_reason: last.done_reason === 'length' ? 'max_tokens' : 'end_turn',
          stop_sequence: null,
          usage: { input_tokens: last.prompt_eval_count, output_tokens: last.eval_count },
        })
        const { model } = request
        const json = { model, messages: [hi], stream: true, options: { num_predict: 50 } }
        expect(askedOf(model)).toEqual([{ target: '/api/chat', json }])
      })

      test('reports the request id of an answer, a stream and an error', async () => {
        const headers = { 'x-request-id': 'My.own_id-1' }
        const request = ask(tokens({ count: 1 }))
        expect(await messages().create(request, { headers })).toHaveProperty('_request_id', 'My.own_id-1')
        const { request_id } = await messages()
          .create({ ...request, stream: true }, { headers })
          .withResponse()
        expect(request_id).toBe('My.own_id-1')
        const error = await catchError(messages().create({ ...request, model: 'nobody' }, { headers }))
        expect(error.requestID).toBe('My.own_id-1')
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking'])('streams %s, token by token', async (name) => {
        const said = { text: [] as string[], thinking: [] as string[] }
        const types: string[] = []
        for await (const event of await messages().create({ ...ask(replay(name)), stream: true })) {
          types.push(event.type)
          if (event.type !== 'content_block_delta') continue
          if (event.delta.type === 'text_delta') said.text.push(event.delta.text)
          if (event.delta.type === 'thinking_delta') said.thinking.push(event.delta.thinking)
        }
        const piecesOf = (of: 'content' | 'thinking') =>
          chunksOf(name).flatMap(({ message }) => (message?.[of] ? [message[of]] : []))
        expect(said).toEqual({ text: piecesOf('content'), thinking: piecesOf('thinking') })
        expect(types.at(0)).toBe('message_start')
        expect(types.slice(-2)).toEqual(['message_delta', 'message_stop'])
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking', 'chat-tool-call'])(
        'assembles %s the same from a stream and from one piece',
        async (name) => {
          const request = ask(replay(name))
          const { id: _id, ...whole } = await messages().create(request)
          const final = await messages().stream(request).finalMessage()
          expect(final).toMatchObject(whole)
        },
      )

      test('gets the thinking, and sends it back', async () => {
        const request = { ...ask(replay('chat-thinking')), max_tokens: 2000 }
        const thinking = { type: 'enabled', budget_tokens: 1024 } as const
        const stream = messages().stream({ ...request, thinking })
        const thoughts: string[] = []
        stream.on('thinking', (delta) => thoughts.push(delta))
        const { content } = await stream.finalMessage()
        expect(content).toMatchObject([
          { type: 'thinking', thinking: 'The user asks a simple question.', signature: '' },
          { type: 'text', text: 'Blue.' },
        ])
        expect(thoughts.join('')).toBe('The user asks a simple question.')

        await messages().create({
          ...request,
          messages: [hi, { role: 'assistant', content }, hi],
          thinking: { type: 'disabled' },
        })
        const said = { role: 'assistant', content: 'Blue.', thinking: 'The user asks a simple question.' }
        expect(askedOf(request.model)).toMatchObject([
          { json: { think: true } },
          { json: { think: false, messages: [hi, said, hi] } },
        ])
      })

      test.each([true, false])('gets a tool call and sends its result (stream: %s)', async (isStream) => {
        const request = ask(replay('chat-tool-call'))
        const input_schema = { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] }
        const tools = [{ name: 'get_weather', description: 'Weather of a city', input_schema }]
        const { stop_reason, content } = isStream
          ? await messages()
              .stream({ ...request, tools })
              .finalMessage()
          : await messages().create({ ...request, tools })
        const use = { type: 'tool_use', id: 'call_0v2e5mnj', name: 'get_weather', input: { city: 'Tokyo' } } as const
        expect(stop_reason).toBe('tool_use')
        expect(content).toMatchObject([use])

        const result = { type: 'tool_result', tool_use_id: use.id, content: [{ type: 'text', text: '20 °C' }] } as const
        const history = [hi, { role: 'assistant', content }, { role: 'user', content: [result, { type: 'text', text: 'So?' }] }]
        await messages().create({ ...request, tools, messages: history as Anthropic.MessageParam[] })
        const [first, second] = askedOf(request.model)
        expect(first!.json).toMatchObject({
          tools: [
            {
              type: 'function',
              function: { name: 'get_weather', description: 'Weather of a city', parameters: input_schema },
            },
          ],
        })
        expect(second!.json).toMatchObject({
          messages: [
            hi,
            {
              role: 'assistant',
              content: '',
              tool_calls: [{ id: use.id, function: { name: 'get_weather', arguments: { city: 'Tokyo' } } }],
            },
            { role: 'tool', content: '20 °C', tool_name: 'get_weather', tool_call_id: use.id },
            { role: 'user', content: 'So?' },
          ],
        })
      })

      test('sends images, system blocks, stop sequences, numbers and a schema', async () => {
        const request = ask(tokens({ count: 1 }))
        const schema = { type: 'object', properties: { a: { type: 'string' } } }
        // The API still accepts these fields, but the SDK's types for new models do not have them.
        const numbers = { temperature: 0.5, top_k: 40, top_p: 0.9 }
        await messages().create({
          ...request,
          system: [
            { type: 'text', text: 'Be', cache_control: { type: 'ephemeral' } },
            { type: 'text', text: 'brief' },
          ],
          messages: [
            {
              role: 'user',
              content: [
                { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
                { type: 'text', text: 'What is it?' },
              ],
            },
          ],
          stop_sequences: ['END'],
          ...numbers,
          output_config: { format: { type: 'json_schema', schema } },
          metadata: { user_id: 'a' },
        })
        expect(askedOf(request.model)).toEqual([
          {
            target: '/api/chat',
            json: {
              model: request.model,
              stream: true,
              messages: [
                { role: 'system', content: 'Be\n\nbrief' },
                { role: 'user', content: 'What is it?', images: ['aGk='] },
              ],
              format: schema,
              options: { num_predict: 50, temperature: 0.5, top_p: 0.9, top_k: 40, stop: ['END'] },
            },
          },
        ])
      })

      describe('aborts in the middle, and the upstream stops', () => {
        type Abort = (request: ReturnType<typeof ask>) => Promise<() => void>
        const ways: readonly (readonly [name: string, abort: Abort])[] = [
          [
            'a stream',
            async (request) => {
              const stream = await messages().create({ ...request, stream: true })
              const events = stream[Symbol.asyncIterator]()
              while ((await events.next()).value?.type !== 'content_block_delta');
              return () => stream.controller.abort()
            },
          ],
          [
            'by leaving its loop',
            async (request) => {
              const stream = await messages().create({ ...request, stream: true })
              const events = stream[Symbol.asyncIterator]()
              while ((await events.next()).value?.type !== 'content_block_delta');
              return () => void events.return!()
            },
          ],
          [
            'messages.stream',
            async (request) => {
              const stream = messages().stream(request)
              stream.on('abort', () => {})
              await new Promise<void>((resolve) => stream.once('text', () => resolve()))
              return () => stream.abort()
            },
          ],
        ]

        test.each(ways)('%s', async (_name, begin) => {
          const request = ask(thenSilent(2))
          const abort = await begin(request)
          const { exchange } = await stage.upstream.next(request.model)
          abort()
          await exchange.closedByReader
        })

        test.skipIf(runtime === 'worker')('an answer in one piece', async () => {
          const controller = new AbortController()
          const request = ask(thenSilent(2))
          const asked = messages().create(request, { signal: controller.signal })
          const { exchange } = await stage.upstream.next(request.model)
          controller.abort()
          await expect(asked).rejects.toThrow(APIUserAbortError)
          await exchange.closedByReader
        })
      })

      describe.each(deaths)('throws when the upstream %s in the middle', (_name, _code, end) => {
        test('of a stream', async () => {
          const request = ask(twoTokensThen(end))
          const said: string[] = []
          const reading = async () => {
            for await (const event of await messages().create({ ...request, stream: true })) {
              said.push(event.type)
              if (said.length === 4) (await stage.upstream.next(request.model)).exchange.pass()
            }
          }
          await expect(reading()).rejects.toMatchObject({
            type: 'api_error',
            error: { error: { code: expect.stringMatching(/^upstream_/) }, request_id: expect.any(String) },
          })
          expect(said).toEqual(['message_start', 'content_block_start', 'content_block_delta', 'content_block_delta'])
        })

        test('of messages.stream', async () => {
          const request = ask(twoTokensThen(end))
          const stream = messages().stream(request)
          let text = ''
          const { promise: read, resolve } = Promise.withResolvers<void>()
          stream.on('text', (delta) => {
            text += delta
            if (text === 'One two') resolve()
          })
          void Promise.all([stage.upstream.next(request.model), read]).then(([{ exchange }]) => exchange.pass())
          await expect(stream.finalMessage()).rejects.toThrow(/upstream_/)
        })

        test('of an answer in one piece', async () => {
          const request = ask(twoTokensThen(end))
          const asked = messages().create(request)
          void stage.upstream.next(request.model).then(({ exchange }) => exchange.pass())
          await expect(asked).rejects.toMatchObject({ status: 502, type: 'api_error' })
        })
      })

      test('throws when the upstream fails after the opening and before the first token', async () => {
        const request = ask(delayed(600, lines(['{"error":"no memory"}'])))
        await expect(messages().stream(request).finalMessage()).rejects.toThrow(/no memory/)
        expect(stage.upstream.requestsFor(request.model)).toHaveLength(1)
      })

      describe.each([true, false])('throws before the first token (stream: %s)', (stream) => {
        const create = (request: object) =>
          messages().create({
            max_tokens: 5,
            messages: [hi],
            model: 'any',
            ...request,
            stream,
          } as Anthropic.MessageCreateParams)

        test('when there is no such model', async () => {
          const error = await catchError(create({ model: 'nobody' }))
          expect(error).toBeInstanceOf(NotFoundError)
          expect(error).toMatchObject({ status: 404, type: 'not_found_error', apiMessage: "model 'nobody' not found" })
        })

        test('when Ollama is busy', async () => {
          const error = await catchError(create({ model: stage.upstream.script(replay('error-busy')) }))
          expect(error).toBeInstanceOf(InternalServerError)
          expect(error).toMatchObject({
            status: 503,
            type: 'overloaded_error',
            apiMessage: expect.stringMatching(/^server busy/),
          })
          expect(error.headers!.get('retry-after')).toBe('1')
        })

        test('when the request is invalid', async () => {
          const error = await catchError(create({ messages: [] }))
          expect(error).toBeInstanceOf(BadRequestError)
          expect(error).toMatchObject({
            status: 400,
            type: 'invalid_request_error',
            error: { error: { code: 'invalid_request' } },
          })
        })
      })

      test('gets not_supported from countTokens', async () => {
        const error = await catchError(messages().countTokens({ model: 'any', messages: [hi] }))
        expect(error).toMatchObject({ status: 400, error: { error: { code: 'not_supported' } } })
      })
    })
  })
}

/** Creates the client at its first use, because the server has no address before the first test. */
function createLazyClient(toUrl: () => string) {
  let client: Anthropic | undefined
  return {
    messages() {
      client ??= new Anthropic({ baseURL: toUrl(), apiKey: 'unused', maxRetries: 0 })
      return client.messages
    },
  }
}

async function catchError(asked: PromiseLike<unknown>): Promise<APIError> {
  try {
    await asked
  } catch (error) {
    if (error instanceof APIError) return error
    throw error
  }
  throw new Error('It did not throw')
}
