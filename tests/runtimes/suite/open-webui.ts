import { describe, expect, test } from 'vitest'
import { loadRecording, toBytes, toLines } from '#fake-ollama/recording.ts'
import { replay, tokens } from '#fake-ollama/scripts.ts'
import { deaths, twoTokensThen } from '../deaths.ts'
import { read, readAll, toSseEvents, toText, type Chunk, type ReaderRequest } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'

/** The headers that Open WebUI's HTTP client always sends, even with a GET. */
const headers = {
  accept: '*/*',
  'accept-encoding': 'gzip, deflate, br',
  'content-type': 'application/json',
  'user-agent': 'Python/3.11 aiohttp/3.13.2',
}

/**
 * Sends the requests of Open WebUI one by one. In Open WebUI, Sluice can be an Ollama connection or
 * an OpenAI connection.
 */
export function describeOpenWebUI(runtime: RuntimeName) {
  describe('open webui', () => {
    describe('by its Ollama connection', () => {
      const stage = useStage(runtime)
      const send = (request: ReaderRequest) => read(stage.server, { ...request, path: `/ollama${request.path}`, headers })
      const chat = (model: string) =>
        send({ path: '/api/chat', body: { model, messages: [{ role: 'user', content: 'Hi' }], options: {}, stream: true } })
      const textOf = (name: string) => Buffer.from(toBytes(loadRecording(name))).toString()

      test.each(['tags', 'ps', 'version'])('asks for the %s', async (name) => {
        const { status, headers, text } = await readAll(send({ path: `/api/${name}` }))
        expect({ status, text }).toEqual({ status: 200, text: textOf(name) })
        expect(headers).not.toHaveProperty('content-encoding')
      })

      test.each(['chat-stream', 'chat-history', 'chat-thinking', 'chat-tool-call'])('streams %s', async (name) => {
        const model = stage.upstream.script(replay(name))
        const { status, headers, text } = await readAll(chat(model))
        expect({ status, text }).toEqual({ status: 200, text: textOf(name) })
        expect(headers).toMatchObject({ 'content-type': 'application/x-ndjson' })
        expect(headers).not.toHaveProperty('content-encoding')
        expect(stage.upstream.requestsFor(model)[0]!.headers['accept-encoding']).toBe('identity')
      })

      test.each(deaths)('gets an error when the upstream %s in the middle of a chat', async (_name, _code, end) => {
        const model = stage.upstream.script(twoTokensThen(end))
        const reader = chat(model)
        await reader.until((text) => text.includes(' two'))
        ;(await stage.upstream.next(model)).exchange.pass()
        const { text } = await readAll(reader)
        expect(JSON.parse(text.trimEnd().split('\n').at(-1)!)).toEqual({ error: expect.stringMatching(/\w/) as string })
      })

      test('gets an error when there is no such model', async () => {
        expect(await readAll(chat('nobody'))).toMatchObject({ status: 404, text: `{"error":"model 'nobody' not found"}` })
      })

      test('stops the upstream when its reader disconnects', async () => {
        const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
        const reader = chat(model)
        await reader.until((text) => text.includes(' token'))
        reader.leave()
        await (
          await stage.upstream.next(model)
        ).exchange.closedByReader
      })
    })

    describe('by its OpenAI connection', () => {
      const stage = useStage(runtime)
      const send = (request: ReaderRequest) =>
        read(stage.server, { ...request, headers: { ...headers, authorization: 'Bearer none' } })
      const chat = (model: string) =>
        send({
          path: '/v1/chat/completions',
          body: { stream: true, model, messages: [{ role: 'user', content: 'Hi' }], stream_options: { include_usage: true } },
        })

      test('finds the models', async () => {
        const { status, headers, text } = await readAll(send({ path: '/v1/models' }))
        expect(status).toBe(200)
        expect(headers).not.toHaveProperty('content-encoding')
        expect((JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id)).toContain('gemma3:270m')
      })

      test('streams a chat', async () => {
        const { status, headers, text } = await readAll(chat(stage.upstream.script(replay('chat-history'))))
        expect(status).toBe(200)
        expect(headers).toMatchObject({ 'content-type': 'text/event-stream' })
        expect(headers).not.toHaveProperty('content-encoding')
        const data = toSseEvents(text).map((event) => event.data)
        expect(data.pop()).toBe('[DONE]')
        const chunks = data.map((json) => JSON.parse(json) as { choices: { delta: { content?: string } }[]; usage: object })
        const recorded = toLines(loadRecording('chat-history')).map((line) => JSON.parse(line) as Chunk)
        expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(toText(recorded))
        expect(chunks.at(-1)!.usage).toMatchObject({ completion_tokens: recorded.at(-1)!.eval_count })
      })

      test.each(deaths)('gets an error when the upstream %s in the middle of a chat', async (_name, code, end) => {
        const model = stage.upstream.script(twoTokensThen(end))
        const reader = chat(model)
        await reader.until((text) => text.includes(' two'))
        ;(await stage.upstream.next(model)).exchange.pass()
        const { text } = await readAll(reader)
        expect(JSON.parse(toSseEvents(text).at(-1)!.data)).toMatchObject({ error: { code } })
      })

      test('gets an error when there is no such model', async () => {
        const { status, text } = await readAll(chat('nobody'))
        expect(status).toBe(404)
        expect(JSON.parse(text)).toMatchObject({ error: { message: "model 'nobody' not found" } })
      })
    })
  })
}
