import { describe, expect, test } from 'vitest'
import { loadRecording, recordingNames, toBytes, toLines } from '#fake-ollama/recording.ts'
import { lines, replay, thenSilent } from '#fake-ollama/scripts.ts'
import { framings, generate, read, readAll, toSseEvents, toText, toTold, type Chunk, type Framing } from '../reader.ts'
import { toRuntime, useStage, type RuntimeName, type ServerName } from '../server.ts'
import { toRows } from './tables.ts'

const isStream = (name: string) => loadRecording(name).headers['content-type'] === 'application/x-ndjson'
const isGeneration = (name: string) => ['/api/generate', '/api/chat'].includes(loadRecording(name).request.path)

/** The name and the path of every recorded stream that ends successfully. */
const streams = recordingNames()
  .filter((name) => isGeneration(name) && isStream(name) && toLines(loadRecording(name)).at(-1)!.includes('"done":true'))
  .map((name) => [name, loadRecording(name).request.path] as const)

/** Recorded requests that ask for a stream, but that Ollama answers with one JSON object. */
const loads = ['generate-load', 'generate-unload', 'chat-load'].map((name) => [name, loadRecording(name).request.path] as const)

const types: Record<Framing, string> = {
  sse: 'text/event-stream',
  ndjson: 'application/x-ndjson',
  folded: 'application/json',
}

/** Returns the body that a reader must get for these lines of Ollama. */
function toBody(framing: 'sse' | 'ndjson', texts: readonly string[]): string {
  if (framing === 'ndjson') return texts.map((text) => `${text}\n`).join('')
  return `:\n${texts.map((text) => `data: ${text}\n\n`).join('')}`
}

/** Reduces a value to its structure: the names of its fields in order, and their types. */
function toShape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(toShape)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.entries(value).map(([name, child]) => [name, toShape(child)])
}

/** Joins the thinking text of chunks in order. */
function toThinking(chunks: readonly Chunk[]): string {
  return chunks.map(({ thinking, message }) => thinking ?? message?.thinking ?? '').join('')
}

const toToolCalls = (chunks: readonly Chunk[]) => chunks.flatMap(({ message }) => message?.tool_calls ?? [])
const toLogprobs = (chunks: readonly Chunk[]) => chunks.flatMap(({ logprobs }) => logprobs ?? [])

/**
 * Native answers that succeed (docs/protocol.md#2-native). Other files test failures, disconnects
 * and deadlines.
 */
export function describeNative(name: ServerName) {
  const runtime = toRuntime(name)
  describe('native', () => {
    const stage = useStage(name)

    test('every recorded stream is tested here, except the known broken ones', () => {
      const broken = recordingNames().filter(
        (name) => isGeneration(name) && isStream(name) && !streams.some(([n]) => n === name),
      )
      expect(broken).toEqual([
        '0.33/generate-truncated',
        '0.33/reader-leaves',
        '0.33/runner-dies',
        '0.24/reader-leaves',
        '0.24/runner-dies',
      ])
      expect(streams.length).toBeGreaterThan(20)
    })

    describe('which framing', () => {
      test.each([
        [undefined, 'sse'],
        ['*/*', 'sse'],
        ['text/html,application/xhtml+xml,*/*;q=0.8', 'sse'],
        ['text/event-stream;q=0.5,application/x-ndjson;q=0.5', 'sse'],
        ['Application/X-NDJSON', 'ndjson'],
        ['application/json;charset=utf-8', 'ndjson'],
        ['text/event-stream;q=0.5, application/json;q=0.501', 'ndjson'],
      ] as const)('Accept: %s gives %s', async (accept, framing) => {
        const answer = await readAll(
          read(stage.server, {
            path: '/api/generate',
            body: { model: 'smollm2:135m', prompt: 'Hi' },
            headers: accept === undefined ? {} : { accept },
          }),
        )
        expect(answer).toMatchObject({ status: 200, headers: { 'content-type': types[framing] } })
        expect(toTold(framing, answer.text).failed).toBeUndefined()
      })

      test.each(['text/event-stream', 'application/x-ndjson', '*/*'])('stream:false wins over Accept: %s', async (accept) => {
        const body = { model: 'smollm2:135m', prompt: 'Hi', stream: false }
        const answer = await readAll(read(stage.server, { path: '/api/generate', body, headers: { accept } }))
        expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
        expect(toTold('folded', answer.text).text).not.toBe('')
      })

      test.each([true, null])('stream:%s is a stream', async (stream) => {
        const body = { model: 'smollm2:135m', prompt: 'Hi', stream }
        expect(await readAll(read(stage.server, { path: '/api/generate', body }))).toMatchObject({
          headers: { 'content-type': 'text/event-stream' },
        })
      })
    })

    describe('headers', () => {
      // The headers that each runtime adds by itself. Sluice sets all others.
      const added: Record<RuntimeName, readonly string[]> = {
        node: ['connection', 'date', 'keep-alive', 'transfer-encoding'],
        bun: ['date', 'transfer-encoding'],
        deno: ['connection', 'date', 'keep-alive', 'transfer-encoding'],
        worker: ['transfer-encoding'],
      }

      const secure = ['content-security-policy', 'cross-origin-resource-policy', 'referrer-policy', 'x-content-type-options']

      test.each([
        ['sse', ['cache-control', 'content-type', 'x-accel-buffering', 'x-request-id', ...secure]],
        ['ndjson', ['cache-control', 'content-type', 'x-accel-buffering', 'x-request-id', ...secure]],
      ] as const)('of %s are exactly the documented ones', async (framing, ours) => {
        const { headers } = await readAll(generate(stage.server, framing, 'smollm2:135m'))
        expect(Object.keys(headers).toSorted()).toEqual([...ours, ...added[runtime]].toSorted())
        expect(headers['content-type']).toBe(types[framing])
        expect(headers['transfer-encoding']).toBe('chunked')
        expect(headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
        if (runtime === 'node') expect(headers.connection).toBe('keep-alive')
        expect(headers).toMatchObject({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
      })

      test('of an answer in one piece are those of JSON', async () => {
        const { headers } = await readAll(generate(stage.server, 'folded', 'smollm2:135m'))
        expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-request-id': expect.any(String) })
        expect(headers).not.toHaveProperty('x-accel-buffering')
      })
    })

    describe.each(toRows(runtime, streams))('%s', (name, path) => {
      const recording = loadRecording(name)
      const recorded = toLines(recording)
      const chunks = recorded.map((line) => JSON.parse(line) as Chunk)

      test.each(['sse', 'ndjson'] as const)('arrives verbatim as %s', async (framing) => {
        const model = stage.upstream.script(replay(name))
        const answer = await readAll(generate(stage.server, framing, model, { path }))
        expect(answer).toMatchObject({ status: 200, ended: 'clean' })
        expect(answer.text).toBe(toBody(framing, recorded))
        if (framing === 'sse') expect(toSseEvents(answer.text)).toEqual(recorded.map((data) => ({ event: undefined, data })))
      })

      test('arrives verbatim, however its bytes are cut into chunks', async () => {
        const model = stage.upstream.script(replay(name, { cut: [1, 7, 100, 101, 333, 1000, 1500] }))
        const answer = await readAll(generate(stage.server, 'sse', model, { path }))
        expect(answer.text).toBe(toBody('sse', recorded))
      })

      test('with stream:false is one object: text, thinking, tool calls and logprobs are joined in order, other fields are those of the last line', async () => {
        const model = stage.upstream.script(replay(name))
        const answer = await readAll(generate(stage.server, 'folded', model, { path }))
        expect(answer).toMatchObject({ status: 200, ended: 'clean' })
        const [whole] = toTold('folded', answer.text).chunks
        expect(toText([whole!])).toBe(toText(chunks))
        expect(toThinking([whole!])).toBe(toThinking(chunks))
        expect(toToolCalls([whole!])).toEqual(toToolCalls(chunks))
        expect(toLogprobs([whole!])).toEqual(toLogprobs(chunks))
        const { response: _r, thinking: _t, message: _m, logprobs: _l, ...rest } = chunks.at(-1)!
        expect(whole).toMatchObject(rest)
        expect(stage.upstream.requestsFor(model).at(-1)!.json).toMatchObject({ model, stream: true })
      })
    })

    test.each([
      ['generate-stream', 'generate-once'],
      ['chat-stream', 'chat-once'],
      ['chat-thinking', 'chat-thinking-once'],
      ['chat-tool-call', 'chat-tool-call-once'],
    ])('%s with stream:false has the shape of Ollama’s own %s', async (name, once) => {
      const { path } = loadRecording(name).request
      const answer = await readAll(generate(stage.server, 'folded', stage.upstream.script(replay(name)), { path }))
      const own = JSON.parse(Buffer.from(toBytes(loadRecording(once))).toString()) as unknown
      expect(toShape(JSON.parse(answer.text))).toEqual(toShape(own))
    })

    test('logprobs and tool calls of several lines, the last one included, are gathered', async () => {
      const call = (name: string) => ({ function: { name, arguments: { done: true } } })
      const said = [
        { message: { role: 'assistant', content: 'a', tool_calls: [call('one')] }, logprobs: [{ token: 'a' }], done: false },
        { message: { role: 'assistant', content: '', thinking: 'hm' }, logprobs: [{ token: '' }], done: false },
        {
          message: { role: 'assistant', content: 'b', tool_calls: [call('two')] },
          logprobs: [{ token: 'b' }],
          done: true,
          x: 1,
        },
      ]
      const model = stage.upstream.script(lines(said.map((line) => JSON.stringify(line))))
      const answer = await readAll(generate(stage.server, 'folded', model, { path: '/api/chat' }))
      expect(JSON.parse(answer.text)).toEqual({
        message: { role: 'assistant', content: 'ab', thinking: 'hm', tool_calls: [call('one'), call('two')] },
        logprobs: [{ token: 'a' }, { token: '' }, { token: 'b' }],
        done: true,
        x: 1,
      })
    })

    describe.each(loads)('%s, an answer of application/json', (name, path) => {
      test.each(framings)('is a whole stream as %s', async (framing) => {
        const recorded = toLines(loadRecording(name))
        const answer = await readAll(generate(stage.server, framing, stage.upstream.script(replay(name)), { path }))
        expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'content-type': types[framing] } })
        if (framing === 'folded') expect(JSON.parse(answer.text)).toEqual(JSON.parse(recorded[0]!))
        else expect(answer.text).toBe(toBody(framing, recorded))
      })
    })

    test('a line with a raw CR is one event with the same JSON as SSE, verbatim as NDJSON', async () => {
      const said = ['{"response":\r"a\\rb",\r\r"done":false}', '\r{"done":\rtrue}']
      const ask = (framing: Framing) => readAll(generate(stage.server, framing, stage.upstream.script(lines(said))))
      const sse = await ask('sse')
      expect(sse.text).not.toContain('\r')
      expect(toSseEvents(sse.text).map(({ data }) => JSON.parse(data) as unknown)).toEqual(
        said.map((line) => JSON.parse(line) as unknown),
      )
      expect((await ask('ndjson')).text).toBe(toBody('ndjson', said))
    })

    test.each(['sse', 'ndjson'] as const)(
      'unknown fields, odd spacing and odd numbers arrive verbatim as %s',
      async (framing) => {
        const said = [
          '{ "future" : [1.0, 1e2,\t-0, 9007199254740993] ,"done":false}',
          '{"done":true,"\\u003cp\\u003e":{"deep":null}}',
        ]
        const answer = await readAll(generate(stage.server, framing, stage.upstream.script(lines(said))))
        expect(answer.text).toBe(toBody(framing, said))
      },
    )

    test.each([
      ['/api/generate', { prompt: '<p>\u2028ü\u{1F600}', suffix: 's', system: 'y', template: 't', raw: true, context: [1, 2] }],
      [
        '/api/generate',
        { prompt: '', keep_alive: -1, format: 'json', think: 'low', images: ['aGk='], options: { seed: -5, mirostat: 2 } },
      ],
      [
        '/api/chat',
        {
          messages: [
            { role: 'system', content: '', future: 1 },
            { role: 'assistant', tool_calls: [{ id: 'x', function: { name: 'f', arguments: { a: null } } }] },
            { role: 'tool', content: '5', tool_name: 'f' },
          ],
          tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } }, future: true }],
          logprobs: true,
          top_logprobs: 3,
        },
      ],
      ['/api/chat', { messages: [], keep_alive: '5m', future: { deep: [null, 0.5, '', false] }, format: { type: 'object' } }],
    ])('%s %j reaches the upstream as it is, and asks for a stream', async (path, body) => {
      for (const framing of framings) {
        const model = stage.upstream.script(replay('generate-load'))
        await readAll(generate(stage.server, framing, { model, ...body, future: [1] }, { path }))
        const [seen] = stage.upstream.requestsFor(model)
        expect(seen).toMatchObject({ method: 'POST', target: path })
        expect(seen!.json).toEqual({ model, ...body, future: [1], stream: true })
        expect(seen!.headers).toMatchObject({ 'content-type': 'application/json', 'accept-encoding': 'identity' })
      }
    })

    test.each(['sse', 'ndjson'] as const)('each token arrives as %s before Ollama sends the next one', async (framing) => {
      const model = stage.upstream.script(thenSilent(3))
      const reader = generate(stage.server, framing, model)
      await reader.until((text) => text.split(' token').length === 4)
      const { exchange } = await stage.upstream.next(model)
      expect(exchange.isOpen).toBe(true)
      exchange.chunk('{"done":true}\n')
      exchange.end()
      expect(await reader.ended).toBe('clean')
      expect(toTold(framing, reader.text).text).toBe(' token token token')
    })

    test('a request without a model gets the loaded model', async () => {
      for (const model of [undefined, null]) {
        const answer = await readAll(generate(stage.server, 'ndjson', { prompt: 'Hi', ...(model === null && { model }) }))
        expect(answer.text).toBe(toBody('ndjson', toLines(loadRecording('generate-stream'))))
        expect(stage.upstream.requests.at(-1)!.json).toEqual({ model: 'gemma3:270m', prompt: 'Hi', stream: true })
      }
    })
  })
}
