import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import { ChatOllama, OllamaEmbeddings } from '@langchain/ollama'
import { embedMany, generateText, isStepCount, jsonSchema, streamText, tool } from 'ai'
import { Ollama } from 'ollama'
import { createOllama } from 'ollama-ai-provider-v2'
import { Ollama as BrowserOllama } from 'ollama/browser'
import { describe, expect, test } from 'vitest'
import { loadRecording, toBytes, toLines } from '#fake-ollama/recording.ts'
import { lines, replay, tokens } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { deaths, twoTokensThen } from '../deaths.ts'
import { toText, type Chunk } from '../reader.ts'
import { useStage, type ServerName } from '../server.ts'

const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as Chunk)
const textOf = (name: string) => toText(chunksOf(name))
const recorded = (name: string) => JSON.parse(Buffer.from(toBytes(loadRecording(name))).toString()) as Record<string, unknown>

const messages = [{ role: 'user' as const, content: 'Weather in Tokyo?' }]
const parameters = { type: 'object' as const, properties: { city: { type: 'string' as const } }, required: ['city'] }
const weather = { name: 'get_weather', description: 'Weather of a city', parameters }
const tools = [{ type: 'function', function: weather }]

/**
 * Answers the first request with a call of `get_weather`. The next request contains the result of
 * the tool, and is answered with text.
 */
const callsThenTells: Script = (exchange) => {
  const { messages } = exchange.request.json as { messages: unknown[] }
  return replay(messages.length === 1 ? 'chat-tool-call' : 'chat-thinking')(exchange)
}

/** The features that the tests need, in the same form for every client. */
interface Client {
  /** Returns the text and the model's thoughts. */
  say(model: string): Promise<{ text: string; thinking: string | undefined }>
  /** Passes each piece of text to `take`. Rejects if the client throws or reports an error. */
  stream(model: string, take: (text: string) => unknown, signal?: AbortSignal): Promise<void>
  /**
   * Offers `get_weather` to the model, answers the call with "rain", and returns the text that the
   * model then writes.
   */
  call(model: string): Promise<string>
}

/** Clients of Ollama's API, with `/ollama` as their base URL. */
export function describeOllamaClients(name: ServerName) {
  describe('clients of ollama', () => {
    const stage = useStage(name, { SLUICE_MANAGEMENT: '1' })
    const baseUrl = () => `${stage.server.url}/ollama`
    const provider = () => createOllama({ baseURL: `${baseUrl()}/api` })
    const langchain = (model: string, more: { think?: boolean } = {}) =>
      new ChatOllama({ baseUrl: baseUrl(), model, maxRetries: 0, ...more })
    const seenOf = (model: string) => stage.upstream.requestsFor(model).map(({ json }) => json as Record<string, unknown>)

    const toOllama = (create: () => Ollama | BrowserOllama): Client => ({
      async say(model) {
        const { message } = await create().chat({ model, messages, think: true })
        return { text: message.content, thinking: message.thinking }
      },
      async stream(model, take, signal) {
        const stream = await create().chat({ model, messages, stream: true })
        signal?.addEventListener('abort', () => stream.abort())
        for await (const { message } of stream) if (message.content) await take(message.content)
      },
      async call(model) {
        const { message } = await create().chat({ model, messages, tools })
        const { name, arguments: given } = message.tool_calls![0]!.function
        expect({ name, given }).toEqual({ name: 'get_weather', given: { city: 'Tokyo' } })
        const answered = [...messages, message, { role: 'tool', content: 'rain', tool_name: name }]
        let text = ''
        for await (const part of await create().chat({ model, messages: answered, tools, stream: true }))
          text += part.message.content
        return text
      },
    })

    const clients: readonly (readonly [name: string, client: Client])[] = [
      ['ollama', toOllama(() => new Ollama({ host: baseUrl() }))],
      ['ollama/browser', toOllama(() => new BrowserOllama({ host: baseUrl() }))],
      [
        'ai with ollama-ai-provider-v2',
        {
          async say(model) {
            const { text, reasoningText } = await generateText({ model: provider()(model), messages, maxRetries: 0 })
            return { text, thinking: reasoningText }
          },
          async stream(model, take, abortSignal) {
            const { fullStream } = streamText({
              model: provider()(model),
              messages,
              maxRetries: 0,
              onError: () => {},
              ...(abortSignal && { abortSignal }),
            })
            let failure: unknown
            for await (const part of fullStream) {
              if (part.type === 'text-delta') await take(part.text)
              if (part.type === 'error') failure = part.error
              // For an error line, this client reports no error. It only reports a finish reason
              // other than `stop` and `length` (docs/hazards.md#43). The test turns this finish
              // reason into an error.
              if (part.type === 'finish' && !/^(stop|length)$/.test(part.finishReason))
                failure ??= new Error(`Ollama: ${part.finishReason}`)
            }
            if (failure) throw failure as Error
          },
          async call(model) {
            const { text } = await generateText({
              model: provider()(model),
              messages,
              tools: {
                get_weather: tool({
                  description: weather.description,
                  inputSchema: jsonSchema<{ city: string }>(parameters),
                  execute: () => 'rain',
                }),
              },
              stopWhen: isStepCount(2),
              maxRetries: 0,
            })
            return text
          },
        },
      ],
      [
        '@langchain/ollama',
        {
          async say(model) {
            const { text, additional_kwargs: more } = await langchain(model, { think: true }).invoke('Weather in Tokyo?')
            return { text, thinking: more.reasoning_content as string | undefined }
          },
          async stream(model, take, signal) {
            const stream = await langchain(model).stream('Weather in Tokyo?', { ...(signal && { signal }) })
            for await (const { text } of stream) if (text) await take(text)
          },
          async call(model) {
            const bound = langchain(model).bindTools(tools)
            const asked = new HumanMessage('Weather in Tokyo?')
            const called = await bound.invoke([asked])
            const [{ name, args, id } = { name: '', args: {}, id: '' }] = called.tool_calls!
            expect({ name, args }).toEqual({ name: 'get_weather', args: { city: 'Tokyo' } })
            const { text } = await bound.invoke([asked, called, new ToolMessage({ name, content: 'rain', tool_call_id: id! })])
            return text
          },
        },
      ],
    ]

    describe.each(clients)('%s', (_name, client) => {
      test('chats', async () => {
        const model = stage.upstream.script(replay('chat-stream'))
        expect((await client.say(model)).text).toBe(textOf('chat-stream'))
        expect(stage.upstream.requestsFor(model)).toMatchObject([{ method: 'POST', target: '/api/chat' }])
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking'])('streams %s', async (name) => {
        const said: string[] = []
        await client.stream(stage.upstream.script(replay(name)), (text) => said.push(text))
        const pieces = chunksOf(name).map(({ message }) => message!.content)
        expect(said).toEqual(pieces.filter((piece) => piece !== ''))
      })

      test('gets the thinking of a model', async () => {
        const thought = { text: 'Blue.', thinking: 'The user asks a simple question.' }
        expect(await client.say(stage.upstream.script(replay('chat-thinking')))).toEqual(thought)
      })

      test('calls a tool, and sends its result to the model', async () => {
        const model = stage.upstream.script(callsThenTells)
        expect(await client.call(model)).toBe('Blue.')
        const [first, second, ...more] = seenOf(model)
        expect(first!.tools).toMatchObject(tools)
        expect(second!.messages).toMatchObject([
          ...messages,
          { role: 'assistant', tool_calls: [{ function: { name: 'get_weather', arguments: { city: 'Tokyo' } } }] },
          { role: 'tool', content: 'rain' },
        ])
        expect(more).toEqual([])
      })

      test('stops the upstream when it is aborted in the middle of a stream', async () => {
        const model = stage.upstream.script(tokens({ count: 5000, perSecond: 200 }))
        const controller = new AbortController()
        // After an abort some clients throw, and others end without an error.
        const stream = client.stream(model, () => controller.abort(), controller.signal).catch(() => {})
        const { exchange } = await stage.upstream.next(model)
        await exchange.closedByReader
        await stream
      })

      test.each(deaths)('throws when the upstream %s in the middle of a stream', async (_death, _code, end) => {
        const model = stage.upstream.script(twoTokensThen(end))
        const said: string[] = []
        const stream = client.stream(model, async (text) => {
          said.push(text)
          if (said.length === 2) (await stage.upstream.next(model)).exchange.pass()
        })
        await expect(stream).rejects.toThrow(/Ollama|runner died/)
        expect(said).toEqual(['One', ' two'])
      })

      test('throws Ollama’s own words when there is no such model', async () => {
        for (const ask of [() => client.say('nobody'), () => client.stream('nobody', () => {})])
          expect(await ask().catch(toFailure)).toEqual({
            status: 404,
            text: expect.stringContaining("model 'nobody' not found") as string,
          })
      })

      test('throws when Ollama is busy', async () => {
        const model = stage.upstream.script(replay('error-busy'))
        for (const ask of [() => client.say(model), () => client.stream(model, () => {})])
          expect(await ask().catch(toFailure)).toEqual({ status: 503, text: expect.stringContaining('server busy') as string })
      })
    })

    describe.each([
      ['ollama', () => new Ollama({ host: baseUrl() })],
      ['ollama/browser', () => new BrowserOllama({ host: baseUrl() })],
    ])('%s', (_name, create) => {
      const on = (route: string, script: Script) => stage.upstream.on(route, script)
      const done: Script = (exchange) => {
        exchange.head(200, { 'content-length': '0' })
        exchange.end()
      }

      test('generates, in one piece and streamed', async () => {
        const model = stage.upstream.script(replay('generate-html'))
        expect((await create().generate({ model, prompt: 'Hi' })).response).toBe(textOf('generate-html'))
        const said = []
        for await (const part of await create().generate({ model, prompt: 'Hi', stream: true })) said.push(part)
        expect(said).toEqual(chunksOf('generate-html'))
      })

      test('lists, shows and embeds', async () => {
        expect(await create().list()).toEqual(recorded('tags'))
        expect(await create().ps()).toEqual(recorded('ps'))
        expect(await create().version()).toEqual(recorded('version'))
        expect(await create().show({ model: 'smollm2:135m' })).toEqual(recorded('show'))
        expect(await create().embed({ model: 'smollm2:135m', input: ['a', 'b'] })).toEqual(recorded('embed'))
        expect((await create().embeddings({ model: 'smollm2:135m', prompt: 'a' })).embedding).toHaveLength(3)
      })

      test('loads a model', async () => {
        const model = stage.upstream.script(replay('generate-load'))
        expect(await create().generate({ model, prompt: '' })).toMatchObject({ done: true, done_reason: 'load' })
      })

      test.each(['pull', 'push', 'create'] as const)('follows the progress of %s', async (about) => {
        const progress = [{ status: 'begins' }, { status: 'goes on', total: 2, completed: 1 }, { status: 'success' }]
        const undo = on(`POST /api/${about}`, lines(progress.map((line) => JSON.stringify(line))))
        // The three methods behave in the same way and differ only in their types.
        const client = create() as unknown as Record<typeof about, Ollama['pull']>
        const asked = { model: 'mine', from: 'gemma3' }
        const said = []
        for await (const part of await client[about]({ ...asked, stream: true })) said.push(part)
        expect(said).toEqual(progress)
        expect(await client[about](asked)).toEqual({ status: 'success' })
        undo()
      })

      test('throws when a pull ends without success', async () => {
        const undo = on('POST /api/pull', lines(['{"status":"begins"}']))
        await expect(async () => {
          for await (const _ of await create().pull({ model: 'mine', stream: true }));
        }).rejects.toThrow(/Ollama ended/)
        undo()
      })

      test('copies and deletes', async () => {
        const undo = [on('POST /api/copy', done), on('DELETE /api/delete', done)]
        expect(await create().copy({ source: 'a', destination: 'b' })).toEqual({ status: 'success' })
        expect(await create().delete({ model: 'b' })).toEqual({ status: 'success' })
        expect(stage.upstream.requests.slice(-2)).toMatchObject([
          { method: 'POST', target: '/api/copy', json: { source: 'a', destination: 'b' } },
          { method: 'DELETE', target: '/api/delete', json: { name: 'b' } },
        ])
        for (const step of undo) step()
      })
    })

    test('ai with ollama-ai-provider-v2 never reports a failed answer as finished (hazard 43)', async () => {
      const [first] = toLines(loadRecording('chat-history'))
      const model = stage.upstream.script(lines([first!, '{"error":"the runner died"}']))
      const { fullStream } = streamText({ model: provider()(model), messages, maxRetries: 0, onError: () => {} })
      const said = []
      for await (const part of fullStream) {
        if (part.type === 'text-delta') said.push(part.text)
        if (part.type === 'finish' || part.type === 'finish-step') said.push(part.finishReason)
      }
      expect(said[0]).toBe(chunksOf('chat-history')[0]!.message!.content)
      expect(said.slice(1)).not.toHaveLength(0)
      for (const reason of said.slice(1)) expect(reason).toMatch(/^(other|error)$/)
    })

    test('ai with ollama-ai-provider-v2 reasons, embeds and counts', async () => {
      const model = stage.upstream.script(replay('chat-thinking'))
      const result = streamText({
        model: provider()(model),
        messages,
        maxRetries: 0,
        providerOptions: { ollama: { think: true } },
      })
      expect(await result.reasoningText).toBe('The user asks a simple question.')
      expect(await result.text).toBe('Blue.')
      expect(await result.finishReason).toBe('stop')
      expect(seenOf(model)).toMatchObject([{ think: true }])
      const { prompt_eval_count: inputTokens, eval_count: outputTokens } = chunksOf('chat-thinking').at(-1)!
      expect(await result.usage).toMatchObject({ inputTokens, outputTokens })
      const embedded = await embedMany({ model: provider().embedding('smollm2:135m'), values: ['a', 'b'], maxRetries: 0 })
      expect(embedded.embeddings).toEqual(recorded('embed').embeddings)
    })

    test('@langchain/ollama streams the thinking of a model, and embeds', async () => {
      const model = stage.upstream.script(replay('chat-thinking'))
      let thinking = ''
      for await (const { additional_kwargs: more } of await langchain(model, { think: true }).stream('Hi'))
        thinking += (more.reasoning_content as string | undefined) ?? ''
      expect(thinking).toBe('The user asks a simple question.')
      const embeddings = new OllamaEmbeddings({ baseUrl: baseUrl(), model: 'smollm2:135m', maxRetries: 0 })
      expect(await embeddings.embedDocuments(['a', 'b'])).toEqual(recorded('embed').embeddings)
    })
  })
}

/** Reads the status and the text of an error. Each client stores them in different fields. */
function toFailure(error: unknown): { status: unknown; text: string } {
  const { status_code, statusCode, message, responseBody = '' } = error as Error & Record<string, unknown>
  return { status: status_code ?? statusCode, text: `${message} ${String(responseBody)}` }
}
