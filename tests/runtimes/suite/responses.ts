import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import OpenAI, { APIError, APIUserAbortError, BadRequestError, InternalServerError, NotFoundError } from 'openai'
import type { ResponseInputItem, ResponseStreamEvent, Tool } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { delayed, flatOut, lines, replay, thenSilent, tokens } from '#fake-ollama/scripts.ts'
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
const join = (name: string, of: 'content' | 'thinking') =>
  chunksOf(name).reduce((text, { message }) => text + (message?.[of] ?? ''), '')

/** Programs that were written for OpenAI's Responses API (docs/protocol.md#6-dialects). */
export function describeResponses(runtime: RuntimeName) {
  describe('responses', () => {
    describe('OpenAI’s SDK', () => {
      const stage = useStage(runtime, runtime === 'worker' ? {} : { SLUICE_HEARTBEAT_MS: hourMs })
      const client = () => new OpenAI({ baseURL: `${stage.server.url}/v1`, apiKey: 'any', maxRetries: 0 }).responses
      /** Makes the fields of a request. The model of the request answers with this script. */
      const ask = (script: Script) => ({ model: stage.upstream.script(script), input: 'Hi' })
      const askedOf = (model: string) => stage.upstream.requestsFor(model).map(({ json }) => json)

      test('gets an answer in one piece', async () => {
        const request = ask(replay('chat-stream'))
        const response = await client().create(request)
        const last = chunksOf('chat-stream').at(-1)!
        expect(response).toMatchObject({
          id: expect.stringMatching(/^resp_[\w-]+$/),
          object: 'response',
          model: last.model,
          status: last.done_reason === 'length' ? 'incomplete' : 'completed',
          store: false,
          error: null,
          output: [{ type: 'message', role: 'assistant' }],
          output_text: join('chat-stream', 'content'),
          usage: { input_tokens: last.prompt_eval_count, output_tokens: last.eval_count },
        })
        expect(response.created_at).toBe(Math.floor(Date.parse(String(chunksOf('chat-stream')[0]!.created_at)) / 1000))
        expect(askedOf(request.model)).toEqual([{ model: request.model, messages: [hi], stream: true, options: {} }])
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking'])('streams %s, token by token', async (name) => {
        const said = { content: [] as string[], thinking: [] as string[] }
        const events: ResponseStreamEvent[] = []
        for await (const event of await client().create({ ...ask(replay(name)), stream: true })) {
          events.push(event)
          if (event.type === 'response.output_text.delta') said.content.push(event.delta)
          if (event.type === 'response.reasoning_summary_text.delta') said.thinking.push(event.delta)
        }
        const piecesOf = (of: 'content' | 'thinking') =>
          chunksOf(name).flatMap(({ message }) => (message?.[of] ? [message[of]] : []))
        expect(said).toEqual({ content: piecesOf('content'), thinking: piecesOf('thinking') })
        expect(events.map(({ sequence_number: number }) => number)).toEqual(events.map((_, i) => i))
        expect(events[0]!.type).toBe('response.created')
        expect(events.at(-1)!.type).toMatch(/^response\.(?:completed|incomplete)$/)
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking', 'chat-tool-call'])(
        'joins %s into the same response from a stream as from an answer in one piece',
        async (name) => {
          const request = ask(replay(name))
          const { id: _id, output, ...whole } = await client().create(request)
          const { output: streamed, ...final } = await client().stream(request).finalResponse()
          expect(final).toMatchObject(whole)
          // The ids are not compared, because they are different for each request.
          expect(streamed).toMatchObject(output.map(({ id: _id, ...item }) => item))
        },
      )

      test('gets the reasoning, and sends it back in the next request', async () => {
        const request = ask(replay('chat-thinking'))
        const { output, output_text: text } = await client().create({
          ...request,
          reasoning: { effort: 'high', summary: 'auto' },
        })
        expect(text).toBe('Blue.')
        expect(output).toMatchObject([
          { type: 'reasoning', summary: [{ type: 'summary_text', text: 'The user asks a simple question.' }] },
          { type: 'message' },
        ])
        const history = [hi, ...output, hi] as ResponseInputItem[]
        await client().create({ ...request, input: history, reasoning: { effort: 'none' }, store: false })
        const said = { role: 'assistant', content: 'Blue.', thinking: 'The user asks a simple question.' }
        expect(askedOf(request.model)).toMatchObject([{ think: 'high' }, { think: false, messages: [hi, said, hi] }])
      })

      test.each([true, false])('calls a function and sends its output to the model (stream: %s)', async (isStream) => {
        const request = ask(replay('chat-tool-call'))
        const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
        const tools: Tool[] = [
          { type: 'function', name: 'get_weather', description: 'Weather of a city', parameters, strict: false },
        ]
        const { output } = isStream
          ? await client()
              .stream({ ...request, tools })
              .finalResponse()
          : await client().create({ ...request, tools })
        const call = { type: 'function_call', call_id: 'call_0v2e5mnj', name: 'get_weather', arguments: '{"city":"Tokyo"}' }
        expect(output).toMatchObject([call])

        const result = { type: 'function_call_output', call_id: call.call_id, output: '20 °C' } as const
        const input = [hi, ...output, result] as ResponseInputItem[]
        await client().create({ ...request, tools, input })
        const { name, arguments: args } = { name: call.name, arguments: { city: 'Tokyo' } }
        expect(askedOf(request.model)).toMatchObject([
          {
            tools: [{ type: 'function', function: { name, description: 'Weather of a city', parameters } }],
          },
          {
            messages: [
              hi,
              { role: 'assistant', content: '', tool_calls: [{ id: call.call_id, function: { name, arguments: args } }] },
              { role: 'tool', content: '20 °C', tool_name: name, tool_call_id: call.call_id },
            ],
          },
        ])
      })

      test('gets the events of a call in the stream: its arguments, and then the whole call', async () => {
        const stream = client().stream(ask(replay('chat-tool-call')))
        const told: string[] = []
        stream.on('response.function_call_arguments.delta', ({ snapshot }) => told.push(snapshot))
        stream.on('response.output_item.done', ({ item }) => told.push(item.type))
        await stream.finalResponse()
        expect(told).toEqual(['{"city":"Tokyo"}', 'function_call'])
      })

      test('gets status incomplete when the token limit cut an answer', async () => {
        const request = ask(lines([toLine('Hel'), toLine('lo', { done: true, done_reason: 'length' })]))
        for (const response of [
          await client().create({ ...request, max_output_tokens: 2 }),
          await client()
            .stream({ ...request, max_output_tokens: 2 })
            .finalResponse(),
        ])
          expect(response).toMatchObject({
            status: 'incomplete',
            incomplete_details: { reason: 'max_output_tokens' },
            output_text: 'Hello',
          })
        expect(askedOf(request.model)[0]).toMatchObject({ options: { num_predict: 2 } })
      })

      test('parses an answer by its schema', async () => {
        const request = ask(lines([toLine('{"colour":'), toLine('"blue"}', { done: true, done_reason: 'stop' })]))
        const schema = { type: 'object', properties: { colour: { type: 'string' } }, additionalProperties: false }
        const format = { type: 'json_schema', name: 'answer', schema, strict: true } as const
        const { output_text: text } = await client().create({ ...request, text: { format } })
        expect(JSON.parse(text)).toEqual({ colour: 'blue' })
        expect(askedOf(request.model)[0]).toMatchObject({ format: schema })
      })

      test('gets log probabilities', async () => {
        const logprobs = [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [{ token: 'a', logprob: -1, bytes: [97] }] }]
        const request = ask(lines([toLine('a', { logprobs }), toLine('', { done: true, done_reason: 'stop' })]))
        const response = await client().create({ ...request, include: ['message.output_text.logprobs'], top_logprobs: 1 })
        expect(response.output).toMatchObject([{ content: [{ logprobs }] }])
        expect(askedOf(request.model)[0]).toMatchObject({ logprobs: true, top_logprobs: 1 })
      })

      describe('aborts in the middle, and the upstream stops', () => {
        type Abort = (request: ReturnType<typeof ask>) => Promise<() => void>
        const ways: readonly (readonly [name: string, abort: Abort])[] = [
          [
            'a stream',
            async (request) => {
              const stream = await client().create({ ...request, stream: true })
              const events = stream[Symbol.asyncIterator]()
              while ((await events.next()).value?.type !== 'response.output_text.delta');
              return () => stream.controller.abort()
            },
          ],
          [
            'by leaving its loop',
            async (request) => {
              const stream = await client().create({ ...request, stream: true })
              const events = stream[Symbol.asyncIterator]()
              while ((await events.next()).value?.type !== 'response.output_text.delta');
              return () => void events.return!()
            },
          ],
          [
            'responses.stream',
            async (request) => {
              const stream = client().stream(request)
              stream.on('abort', () => {})
              await new Promise<void>((resolve) => stream.once('response.output_text.delta', () => resolve()))
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
          const asked = client().create(request, { signal: controller.signal })
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
            for await (const event of await client().create({ ...request, stream: true })) {
              said.push(event.type)
              if (said.length === 6) (await stage.upstream.next(request.model)).exchange.pass()
            }
          }
          const error = await catchError(reading())
          expect(error).toBeInstanceOf(APIError)
          expect(error).toMatchObject({ code: expect.stringMatching(/^upstream_/), type: 'server_error' })
          expect(said.slice(4)).toEqual(['response.output_text.delta', 'response.output_text.delta'])
        })

        test('of responses.stream', async () => {
          const request = ask(twoTokensThen(end))
          const stream = client().stream(request)
          const { promise: read, resolve } = Promise.withResolvers<void>()
          const said: string[] = []
          stream.on('event', ({ type }) => said.push(type))
          stream.on('response.output_text.delta', ({ snapshot }) => {
            if (snapshot === 'One two') resolve()
          })
          void Promise.all([stage.upstream.next(request.model), read]).then(([{ exchange }]) => exchange.pass())
          await expect(stream.finalResponse()).rejects.toMatchObject({ code: expect.stringMatching(/^upstream_/) })
          expect(said).not.toContain('response.completed')
        })

        test('of an answer in one piece', async () => {
          const request = ask(twoTokensThen(end))
          const asked = client().create(request)
          void stage.upstream.next(request.model).then(({ exchange }) => exchange.pass())
          await expect(asked).rejects.toMatchObject({ status: 502, code: expect.stringMatching(/^upstream_/) })
        })
      })

      test('throws when the upstream fails after the opening and before the first token', async () => {
        const request = ask(delayed(600, lines(['{"error":"no memory"}'])))
        const failing = client().stream(request).finalResponse()
        await expect(failing).rejects.toMatchObject({ code: 'upstream_failed', message: 'no memory' })
        expect(stage.upstream.requestsFor(request.model)).toHaveLength(1)
      })

      describe.each([true, false])('throws before the first token (stream: %s)', (stream) => {
        const create = (request: object) => client().create({ model: 'any', input: 'Hi', ...request, stream })

        test('when there is no such model', async () => {
          const error = await catchError(create({ model: 'nobody' }))
          expect(error).toBeInstanceOf(NotFoundError)
          const said = { type: 'not_found_error', code: 'model_not_found', message: "model 'nobody' not found" }
          expect(error).toMatchObject({ status: 404, error: said })
        })

        test('when Ollama is busy', async () => {
          const error = await catchError(create({ model: stage.upstream.script(replay('error-busy')) }))
          expect(error).toBeInstanceOf(InternalServerError)
          const said = { type: 'server_error', code: 'upstream_busy', message: expect.stringMatching(/^server busy/) }
          expect(error).toMatchObject({ status: 503, error: said })
          expect((error as APIError).headers!.get('retry-after')).toBe('1')
        })

        test('when the request has an unsupported field', async () => {
          const asked = stage.upstream.requests.length
          const error = await catchError(create({ previous_response_id: 'resp_1' }))
          expect(error).toBeInstanceOf(BadRequestError)
          expect(error).toMatchObject({ status: 400, code: 'not_supported', param: 'previous_response_id' })
          expect(stage.upstream.requests).toHaveLength(asked)
        })
      })

      test('gets a whole long answer, and its final text equals its joined deltas', async () => {
        const stream = client().stream(ask(tokens({ count: 500, text: (i) => (i % 7 === 0 ? '\n\ndata: ✓' : ` ${i}`) })))
        let text = ''
        stream.on('response.output_text.delta', ({ delta }) => (text += delta))
        const { output_text: whole } = await stream.finalResponse()
        expect(whole).toBe(text)
        expect(whole).toMatch(/^\n\ndata: ✓ 1 2.* 499$/s)
      })

      test('cannot retrieve, delete or cancel a response: none is stored', async () => {
        const gone = { status: 404, code: 'not_found' }
        await expect(client().retrieve('resp_1')).rejects.toMatchObject(gone)
        await expect(client().delete('resp_1')).rejects.toMatchObject(gone)
        await expect(client().cancel('resp_1')).rejects.toMatchObject(gone)
        await expect(client().inputItems.list('resp_1')).rejects.toMatchObject(gone)
      })
    })

    describe('LangChain', () => {
      const stage = useStage(runtime)
      const chat = (script: Script) => {
        const model = stage.upstream.script(script)
        const configuration = { baseURL: `${stage.server.url}/v1` }
        return {
          model,
          langchain: new ChatOpenAI({ model, apiKey: 'any', maxRetries: 0, useResponsesApi: true, configuration }),
        }
      }

      test('streams a text and thoughts', async () => {
        let text = ''
        const thoughts: unknown[] = []
        for await (const chunk of await chat(replay('chat-thinking')).langchain.stream('Hi')) {
          text += chunk.text
          for (const block of chunk.content)
            if (typeof block === 'object' && block.type === 'reasoning') thoughts.push(block.reasoning)
        }
        expect([text, thoughts.join('')]).toEqual(['Blue.', 'The user asks a simple question.'])
      })

      test('calls a tool and sends its result to the model', async () => {
        const { model, langchain } = chat(replay('chat-tool-call'))
        const parameters = { type: 'object', properties: { city: { type: 'string' } } }
        const bound = langchain.bindTools([{ type: 'function', function: { name: 'get_weather', parameters } }])
        const asked = new HumanMessage('Weather in Tokyo?')
        const called = await bound.invoke([asked])
        const [{ id = '', name, args } = { name: '', args: {} }] = called.tool_calls ?? []
        expect([name, args]).toEqual(['get_weather', { city: 'Tokyo' }])
        await bound.invoke([asked, called, new ToolMessage({ content: 'rain', tool_call_id: id })])
        expect(stage.upstream.requestsFor(model)[1]!.json).toMatchObject({
          messages: [
            { role: 'user', content: 'Weather in Tokyo?' },
            { role: 'assistant', tool_calls: [{ id, function: { name, arguments: args } }] },
            { role: 'tool', content: 'rain', tool_name: name, tool_call_id: id },
          ],
        })
      })

      // LangChain ignores `response.failed`. Without another sign of the failure, the stream would
      // look like a short answer.
      test.each(deaths)('throws when the upstream %s in the middle', async (_name, _code, end) => {
        const { model, langchain } = chat(twoTokensThen(end))
        const reading = async () => {
          let text = ''
          for await (const chunk of await langchain.stream('Hi')) {
            text += chunk.text
            if (text === 'One two') (await stage.upstream.next(model)).exchange.pass()
          }
        }
        await expect(reading()).rejects.toThrow(/Ollama|runner died/)
      })
    })

    describe('an answer that is too long for the final event, which repeats it,', () => {
      const stage = useStage(runtime, { SLUICE_MAX_LINE_BYTES: '20000' })

      test.each([true, false])('fails, and the upstream stops (stream: %s)', async (stream) => {
        const client = new OpenAI({ baseURL: `${stage.server.url}/v1`, apiKey: 'any', maxRetries: 0 })
        const model = stage.upstream.script(flatOut())
        const reading = async () => {
          const answer = await client.responses.create({ model, input: 'Hi', stream })
          if (Symbol.asyncIterator in answer) for await (const { type } of answer) expect(type).not.toBe('response.completed')
        }
        await expect(reading()).rejects.toMatchObject({ code: 'line_too_long' })
        const { exchange } = await stage.upstream.next(model)
        await exchange.closedByReader
      })
    })
  })
}

/** Makes a line of Ollama's `/api/chat` stream. */
function toLine(content: string, more: object = {}): string {
  return JSON.stringify({ model: 'x', message: { role: 'assistant', content }, done: false, ...more })
}

async function catchError(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('It did not fail')
}
