import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type RuntimeName, type Server } from '../runtimes/server.ts'

const { OLLAMA_HOST, OLLAMA_MODEL } = process.env

test('OLLAMA_HOST is set to a real Ollama', () => {
  expect(OLLAMA_HOST, 'set OLLAMA_HOST, and OLLAMA_MODEL if the default model is not the one to use').toBeTruthy()
})

describe.each<RuntimeName>(['node', 'bun', 'worker'])('a real Ollama behind Sluice on %s', (runtime) => {
  let server: Server
  beforeAll(async () => {
    server = await startServer(runtime, { OLLAMA_HOST: OLLAMA_HOST ?? '', ...(OLLAMA_MODEL && { SLUICE_MODEL: OLLAMA_MODEL }) })
  })
  afterAll(() => server?.stop())

  const post = (path: string, body: object, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(server.url + path, { method: 'POST', body: JSON.stringify(body), headers, ...(signal && { signal }) })

  async function readEvents(response: Response): Promise<EventSourceMessage[]> {
    const events: EventSourceMessage[] = []
    createParser({ onEvent: (event) => events.push(event) }).feed(await response.text())
    return events
  }

  const options = { seed: 1, temperature: 0, num_predict: 24 }

  test('is ready, and names its version', async () => {
    const response = await fetch(`${server.url}/readyz`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'ready', upstream: { version: expect.any(String) as string } })
  })

  test('streams an answer that ends in one done', async () => {
    const events = await readEvents(await post('/api/generate', { prompt: 'List three colours.', options }))
    const chunks = events.map(({ data }) => JSON.parse(data) as { done: boolean })
    expect(chunks.filter(({ done }) => done)).toHaveLength(1)
    expect(chunks.at(-1)?.done).toBe(true)
  })

  test('gives the same text as SSE, NDJSON and one object', async () => {
    const body = { messages: [{ role: 'user', content: 'Say hello.' }], options }
    const toText = (chunks: { message: { content: string } }[]) => chunks.map(({ message }) => message.content).join('')
    const sse = (await readEvents(await post('/api/chat', body))).map(({ data }) => JSON.parse(data) as never)
    const lines = (await (await post('/api/chat', body, { accept: 'application/x-ndjson' })).text()).trim().split('\n')
    const folded = (await (await post('/api/chat', { ...body, stream: false })).json()) as never
    expect(toText(sse)).toBe(toText([folded]))
    expect(toText(lines.map((line) => JSON.parse(line) as never))).toBe(toText([folded]))
  })

  test('answers /chat with messages and a done', async () => {
    const events = await readEvents(await post('/chat', { text: 'Say hello.', options }))
    expect(events.at(-1)?.event).toBe('done')
    expect(events.some(({ event }) => event === 'messages')).toBe(true)
  })

  test('answers 404 model_not_found for a missing model', async () => {
    const response = await post('/api/generate', { model: 'no-such-model', prompt: 'x' })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'model_not_found' })
  })

  test('a reader that disconnects frees the model for the next request', async () => {
    const controller = new AbortController()
    const response = await post(
      '/api/generate',
      { prompt: 'Tell a very long story.', options: { num_predict: 4000 } },
      {},
      controller.signal,
    )
    await response.body?.getReader().read()
    controller.abort()
    const events = await readEvents(await post('/api/generate', { prompt: 'One word.', options: { num_predict: 1 } }))
    expect(JSON.parse(events.at(-1)?.data ?? '{}')).toMatchObject({ done: true })
  })
})
