import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { embedMany, generateText, isStepCount, jsonSchema, streamText, tool } from 'ai'
import OpenAI from 'openai'
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
const vectors = recorded('embed').embeddings as number[][]
/** The numbers of `vectors`, rounded to 32-bit floats. */
const floats = vectors.map((vector) => vector.map(Math.fround))

const messages = [{ role: 'user' as const, content: 'Weather in Tokyo?' }]
const parameters = { type: 'object' as const, properties: { city: { type: 'string' as const } }, required: ['city'] }
const weather = { name: 'get_weather', description: 'Weather of a city', parameters }

/**
 * Answers the first request with a call of `get_weather`. The next request contains the result of
 * the tool, and is answered with text.
 */
const callsThenTells: Script = (exchange) => {
  const { messages } = exchange.request.json as { messages: unknown[] }
  return replay(messages.length === 1 ? 'chat-tool-call' : 'chat-thinking')(exchange)
}

/** The messages that Ollama must get after the tool call, including the tool's result. */
const answered = [
  { role: 'user', content: 'Weather in Tokyo?' },
  {
    role: 'assistant',
    content: '',
    tool_calls: [{ id: 'call_0v2e5mnj', function: { name: 'get_weather', arguments: { city: 'Tokyo' } } }],
  },
  { role: 'tool', content: 'rain', tool_name: 'get_weather', tool_call_id: 'call_0v2e5mnj' },
]

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

/** Clients of `/v1`. */
export function describeOpenAIClients(name: ServerName) {
  describe('clients', () => {
    const stage = useStage(name, { SLUICE_HEARTBEAT_MS: '100' })
    const baseURL = () => `${stage.server.url}/v1`
    const openai = () => new OpenAI({ baseURL: baseURL(), apiKey: 'none', maxRetries: 0 })
    const provider = () => createOpenAICompatible({ name: 'sluice', baseURL: baseURL(), includeUsage: true })
    const langchain = (model: string) =>
      new ChatOpenAI({ model, apiKey: 'none', maxRetries: 0, configuration: { baseURL: baseURL() } })
    const seenOf = (model: string) => stage.upstream.requestsFor(model).map(({ json }) => json as Record<string, unknown>)

    const clients: readonly (readonly [name: string, client: Client])[] = [
      [
        'openai',
        {
          async say(model) {
            const { choices } = await openai().chat.completions.create({ model, messages })
            const message = choices[0]!.message as OpenAI.ChatCompletionMessage & { reasoning?: string }
            return { text: message.content!, thinking: message.reasoning }
          },
          async stream(model, take, signal) {
            const stream = await openai().chat.completions.create({ model, messages, stream: true }, { signal })
            for await (const { choices } of stream) if (choices[0]!.delta.content) await take(choices[0]!.delta.content)
          },
          async call(model) {
            const get_weather = { ...weather, parse: (text: string) => JSON.parse(text) as object, function: () => 'rain' }
            const runner = openai().chat.completions.runTools({
              model,
              messages,
              stream: true,
              tools: [{ type: 'function', function: get_weather }],
            })
            return (await runner.finalContent())!
          },
        },
      ],
      [
        'ai with @ai-sdk/openai-compatible',
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
              if (part.type === 'finish' && failure) expect(part.finishReason).toBe('error')
            }
            if (failure) throw failure
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
        '@langchain/openai',
        {
          async say(model) {
            const { text, additional_kwargs: more } = await langchain(model).invoke('Hi')
            return { text, thinking: more.reasoning_content as string | undefined }
          },
          async stream(model, take, signal) {
            for await (const { text } of await langchain(model).stream('Hi', { ...(signal && { signal }) }))
              if (text) await take(text)
          },
          async call(model) {
            const bound = langchain(model).bindTools([{ type: 'function', function: weather }])
            const asked = new HumanMessage('Weather in Tokyo?')
            const called = await bound.invoke([asked])
            const [{ name, args, id } = { name: '', args: {}, id: '' }] = called.tool_calls!
            expect({ name, args }).toEqual({ name: 'get_weather', args: { city: 'Tokyo' } })
            const { text } = await bound.invoke([asked, called, new ToolMessage({ content: 'rain', tool_call_id: id! })])
            return text
          },
        },
      ],
    ]

    describe.each(clients)('%s', (_name, client) => {
      test('chats', async () => {
        const model = stage.upstream.script(replay('chat-stream'))
        expect(await client.say(model)).toEqual({ text: textOf('chat-stream'), thinking: undefined })
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
        expect(first!.tools).toMatchObject([{ type: 'function', function: weather }])
        expect(second!.messages).toEqual(answered)
        expect(more).toEqual([])
      })

      test('stops the upstream when it is aborted in the middle of a stream', async () => {
        const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
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
        await expect(stream).rejects.toMatchObject({ message: expect.stringMatching(/Ollama|runner died/) as string })
        expect(said).toEqual(['One', ' two'])
      })

      test('throws Ollama’s own words when there is no such model', async () => {
        const refusal = expect.objectContaining({ message: expect.stringContaining("model 'nobody' not found") as string })
        const failures = [client.say('nobody'), client.stream('nobody', () => {})].map((asked) => asked.catch(toFailure))
        for (const failure of await Promise.all(failures)) expect(failure).toEqual({ status: 404, error: refusal })
      })

      test('throws when Ollama is busy', async () => {
        const model = stage.upstream.script(replay('error-busy'))
        const refusal = expect.objectContaining({ message: expect.stringMatching(/server busy/) as string })
        const failures = [client.say(model), client.stream(model, () => {})].map((asked) => asked.catch(toFailure))
        for (const failure of await Promise.all(failures)) expect(failure).toEqual({ status: 503, error: refusal })
      })
    })

    describe('openai', () => {
      test('gets the finish reason and the usage', async () => {
        const { prompt_eval_count, eval_count } = chunksOf('chat-stream').at(-1)! as Record<string, number>
        const usage = {
          prompt_tokens: prompt_eval_count,
          completion_tokens: eval_count,
          total_tokens: prompt_eval_count! + eval_count!,
        }
        const model = stage.upstream.script(replay('chat-stream'))
        const once = await openai().chat.completions.create({ model, messages })
        expect(once).toMatchObject({ object: 'chat.completion', model: 'gemma3:270m', usage })
        const finish_reason = chunksOf('chat-stream').at(-1)!.done_reason
        expect(once.choices).toMatchObject([{ index: 0, finish_reason, logprobs: null }])

        const stream = openai().chat.completions.stream({ model, messages, stream_options: { include_usage: true } })
        const { id, ...streamed } = await stream.finalChatCompletion()
        expect(id).toMatch(/^chatcmpl-[\w-]+$/)
        expect(streamed.choices[0]!.message.content).toBe(once.choices[0]!.message.content)
        expect(streamed).toMatchObject({ object: 'chat.completion', model: 'gemma3:270m', usage })
      })

      test('gets logprobs, in one piece and streamed', async () => {
        const [{ logprobs } = {}] = chunksOf('generate-logprobs')
        const said = [
          { message: { content: 'I' }, logprobs, done: false },
          { message: { content: '' }, done: true, done_reason: 'stop' },
        ]
        const model = stage.upstream.script(lines(said.map((line) => JSON.stringify(line))))
        const asked = { model, messages, logprobs: true, top_logprobs: 2 }
        const once = await openai().chat.completions.create(asked)
        expect(once.choices[0]!.logprobs).toEqual({ content: logprobs })
        const streamed = await openai().chat.completions.stream(asked).finalChatCompletion()
        expect(streamed.choices[0]!.logprobs!.content).toEqual(logprobs)
        expect(seenOf(model)).toMatchObject([
          { logprobs: true, top_logprobs: 2 },
          { logprobs: true, top_logprobs: 2 },
        ])
      })

      test('completes a text', async () => {
        const model = stage.upstream.script(replay('generate-stream'))
        const once = await openai().completions.create({ model, prompt: 'Hi', max_tokens: 5 })
        expect(once).toMatchObject({ object: 'text_completion', choices: [{ text: textOf('generate-stream') }] })
        expect(once.id).toMatch(/^cmpl-[\w-]+$/)
        let text = ''
        for await (const { choices } of await openai().completions.create({ model, prompt: ['Hi'], stream: true }))
          text += choices[0]!.text
        expect(text).toBe(textOf('generate-stream'))
        expect(seenOf(model)[0]).toEqual({ model, prompt: 'Hi', options: { num_predict: 5 }, stream: true })
      })

      test('embeds, with floats as base64 and as numbers', async () => {
        const asked = { model: 'smollm2:135m', input: ['a', 'b'] }
        const packed = await openai().embeddings.create(asked)
        expect(packed.data.map(({ embedding }) => [...embedding])).toEqual(floats)
        const plain = await openai().embeddings.create({ ...asked, encoding_format: 'float', dimensions: 8 })
        expect(plain.data.map(({ embedding }) => embedding)).toEqual(vectors)
        expect(plain).toMatchObject({ object: 'list', model: 'smollm2:135m' })
        expect(plain.usage.prompt_tokens).toBe(recorded('embed').prompt_eval_count)
        expect(seenOf('smollm2:135m').at(-1)).toEqual({ ...asked, dimensions: 8 })
      })

      test('lists models and finds one', async () => {
        const { data: listed } = await openai().models.list()
        expect(listed.map(({ id }) => id)).toEqual(['thinky:latest', 'tooly:latest', 'gemma3:270m', 'smollm2:135m'])
        expect(await openai().models.retrieve('thinky')).toEqual(listed[0])
        await expect(openai().models.retrieve('nobody/nothing')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
      })

      test('gets the name of the refused field in the error', async () => {
        const refused = openai().chat.completions.create({ model: 'any', messages, n: 2 })
        const told = { status: 400, code: 'not_supported', param: 'n', type: 'invalid_request_error' }
        await expect(refused).rejects.toMatchObject(told)
      })
    })

    test('ai with @ai-sdk/openai-compatible completes, embeds, reasons and counts', async () => {
      const completed = stage.upstream.script(replay('generate-stream'))
      const { text } = await generateText({ model: provider().completionModel(completed), prompt: 'Hi', maxRetries: 0 })
      expect(text).toBe(textOf('generate-stream'))
      const embedded = await embedMany({ model: provider().embeddingModel('smollm2:135m'), values: ['a', 'b'], maxRetries: 0 })
      expect(embedded.embeddings).toEqual(vectors)

      const model = stage.upstream.script(replay('chat-thinking'))
      const providerOptions = { sluice: { reasoningEffort: 'low' } }
      const result = streamText({ model: provider()(model), messages, providerOptions, maxRetries: 0 })
      expect(await result.reasoningText).toBe('The user asks a simple question.')
      expect(await result.text).toBe('Blue.')
      const { prompt_eval_count: inputTokens, eval_count: outputTokens } = chunksOf('chat-thinking').at(-1)!
      expect(await result.usage).toMatchObject({ inputTokens, outputTokens })
      expect(seenOf(model)).toMatchObject([{ think: 'low' }])
    })

    test('@langchain/openai embeds', async () => {
      const embeddings = new OpenAIEmbeddings({
        model: 'smollm2:135m',
        apiKey: 'none',
        maxRetries: 0,
        configuration: { baseURL: baseURL() },
      })
      expect((await embeddings.embedDocuments(['a', 'b'])).map((vector) => [...vector])).toEqual(floats)
    })
  })
}

/** Reads an error of a client. The clients use one of two names for the status. */
function toFailure(error: unknown) {
  const { status, statusCode } = error as { status?: number; statusCode?: number }
  return { status: status ?? statusCode, error }
}
