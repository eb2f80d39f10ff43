import { Ollama } from 'ollama/browser'
import { describe, expect, test } from 'vitest'
import { loadRecording, toBytes, toLines } from '#fake-ollama/recording.ts'
import { replay, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { toText, type Chunk } from '../reader.ts'
import { useStage, type ServerName } from '../server.ts'

const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as Chunk)
const messages = [{ role: 'user', content: 'Hi' }]

/** Client programs that people use. */
export function describeClients(name: ServerName) {
  describe('clients', () => {
    const stage = useStage(name)
    const client = () => new Ollama({ host: stage.server.url })

    describe('ollama-js', () => {
      test.each(['chat-stream', 'chat-history', 'chat-thinking'])('streams %s', async (name) => {
        const said = []
        const model = stage.upstream.script(replay(name))
        for await (const part of await client().chat({ model, messages, stream: true, think: true })) said.push(part)
        expect(said).toEqual(chunksOf(name))
        const [seen] = stage.upstream.requestsFor(model)
        expect(seen!.json).toEqual({ model, messages, stream: true, think: true })
      })

      test.each(['generate-stream', 'generate-chinese', 'generate-logprobs'])('streams %s', async (name) => {
        const said = []
        const model = stage.upstream.script(replay(name))
        for await (const part of await client().generate({ model, prompt: 'Hi', stream: true })) said.push(part)
        expect(said).toEqual(chunksOf(name))
      })

      test('asks for one object', async () => {
        const model = stage.upstream.script(replay('chat-stream'))
        const answer = await client().chat({ model, messages })
        expect(answer.message.content).toBe(toText(chunksOf('chat-stream')))
        expect(answer).toMatchObject({ done: true, done_reason: chunksOf('chat-stream').at(-1)!.done_reason })
        const text = await client().generate({ model: 'smollm2:135m', prompt: 'Hi', stream: false })
        expect(text.response).toBe(toText(chunksOf('generate-stream')))
      })

      test('calls tools', async () => {
        const model = stage.upstream.script(replay('chat-tool-call'))
        const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
        const tools = [{ type: 'function', function: { name: 'get_weather', description: 'Weather of a city', parameters } }]
        const calls = []
        for await (const { message } of await client().chat({ model, messages, tools, stream: true }))
          calls.push(message.tool_calls)
        expect(calls[0]).toMatchObject([{ function: { name: 'get_weather', arguments: { city: 'Tokyo' } } }])
        const once = await client().chat({ model, messages, tools })
        expect(once.message.tool_calls).toEqual(calls[0])
        expect(stage.upstream.requestsFor(model)[1]!.json).toMatchObject({ tools })
      })

      test('gets the thinking', async () => {
        const model = stage.upstream.script(replay('chat-thinking'))
        const { message } = await client().chat({ model, messages, think: true })
        expect(message).toMatchObject({ content: 'Blue.', thinking: 'The user asks a simple question.' })
      })

      test('aborts in the middle of a stream, and the upstream stops', async () => {
        const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
        const stream = await client().generate({ model, prompt: 'Hi', stream: true })
        const { exchange } = await stage.upstream.next(model)
        await expect(async () => {
          for await (const _ of stream) stream.abort()
        }).rejects.toThrow(/abort/i)
        await exchange.closedByReader
      })

      test.each<[string, Script]>([
        ['resets the connection', ({ reset }) => reset()],
        ['closes the connection', ({ fin }) => fin()],
        ['ends without a terminal', ({ end }) => end()],
        ['tells of an error', (exchange) => (exchange.chunk('{"error":"the runner died"}\n'), exchange.end())],
      ])('throws when the upstream %s in the middle of a stream', async (_name, end) => {
        const model = stage.upstream.script(tokensThen(['One', ' two'], end))
        const said: string[] = []
        await expect(async () => {
          for await (const { message } of await client().chat({ model, messages, stream: true })) {
            said.push(message.content)
            if (said.length === 2) (await stage.upstream.next(model)).exchange.pass()
          }
        }).rejects.toThrow(/Ollama|runner died/)
        expect(said).toEqual(['One', ' two'])
      })

      test('throws Ollama’s own message when there is no such model', async () => {
        for (const stream of [true, false] as const) {
          const asked = client().chat({ model: 'nobody', messages, stream: stream as true })
          await expect(asked).rejects.toMatchObject({ status_code: 404, message: "model 'nobody' not found" })
        }
      })

      test('throws when Ollama is busy', async () => {
        const model = stage.upstream.script(replay('error-busy'))
        const asked = client().generate({ model, prompt: 'Hi', stream: true })
        await expect(asked).rejects.toMatchObject({ status_code: 503, message: expect.stringMatching(/^server busy/) })
      })

      test('lists, shows and embeds', async () => {
        const recorded = (name: string) => JSON.parse(Buffer.from(toBytes(loadRecording(name))).toString()) as unknown
        expect(await client().list()).toEqual(recorded('tags'))
        expect(await client().ps()).toEqual(recorded('ps'))
        expect(await client().version()).toEqual(recorded('version'))
        expect(await client().show({ model: 'smollm2:135m' })).toEqual(recorded('show'))
        expect(await client().embed({ model: 'smollm2:135m', input: ['a', 'b'] })).toEqual(recorded('embed'))
        expect((await client().embeddings({ model: 'smollm2:135m', prompt: 'a' })).embedding).toHaveLength(3)
      })

      test('loads a model', async () => {
        const model = stage.upstream.script(replay('generate-load'))
        expect(await client().generate({ model, prompt: '' })).toMatchObject({ done: true, done_reason: 'load' })
      })
    })
  })
}
