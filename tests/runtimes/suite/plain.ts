import { describe, expect, test } from 'vitest'
import { loadRecording, recordingNames, toLines } from '#fake-ollama/recording.ts'
import { lines, replay, tokens } from '#fake-ollama/scripts.ts'
import { read, readAll, readFailure, toSseEvents, type Answer, type Chunk, type SseEvent } from '../reader.ts'
import { countRequests, useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

/** Every recorded stream of `/api/generate` that ends successfully. */
const streams = recordingNames().filter((name) => {
  const recording = loadRecording(name)
  return recording.request.path === '/api/generate' && toLines(recording).at(-1)?.includes('"done":true') === true
})

/**
 * Converts CR and CRLF to LF. A reader of SSE gets the text in this form, because SSE sends each
 * line as a separate `data` field, and the reader's parser joins the lines with LF.
 */
const toRead = (text: string) => text.replaceAll(/\r\n?/g, '\n')

const textOf = (events: readonly SseEvent[], name: string) =>
  events
    .filter(({ event }) => event === name)
    .map(({ data }) => data)
    .join('')

/** `/chat` (docs/protocol.md#3-chat). */
export function describePlain(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe('plain', () => {
    const stage = useStage(runtime)
    const chat = (body: object, headers = {}) => read(stage.server, { path: '/chat', body, headers })
    /** Returns the answer of `/chat` when Ollama sends these lines. */
    const chatWith = (said: readonly object[]): Promise<Answer> =>
      readAll(chat({ text: 'Hi', model: stage.upstream.script(lines(said.map((line) => JSON.stringify(line)))) }))

    test('a token is a messages event, raw, and the answer ends with done', async () => {
      const { text } = await chatWith([
        { response: 'Hel', done: false },
        { response: '  lo', done: false },
        { response: '', done: true, done_reason: 'stop' },
      ])
      const done = 'event: done\ndata: {"done":true,"done_reason":"stop"}\n\n'
      expect(text).toBe(`:\nevent: messages\ndata: Hel\n\nevent: messages\ndata:   lo\n\n${done}`)
    })

    each(streams)('%s arrives complete', async (name) => {
      const chunks = toLines(loadRecording(name)).map((line) => JSON.parse(line) as Chunk)
      const answer = await readAll(chat({ text: 'Hi', model: stage.upstream.script(replay(name)) }))
      expect(answer).toMatchObject({ status: 200, ended: 'clean', headers: { 'content-type': 'text/event-stream' } })
      const events = toSseEvents(answer.text)
      const pieces = chunks.map(({ response }) => response ?? '').filter((text) => text !== '')
      expect(events.filter(({ event }) => event === 'messages').map(({ data }) => data)).toEqual(pieces.map(toRead))
      const { response: _r, thinking: _t, context: _c, created_at: _a, ...rest } = chunks.at(-1)!
      expect(events.at(-1)!.event).toBe('done')
      expect(JSON.parse(events.at(-1)!.data)).toEqual(rest)
    })

    each([
      ['leading spaces', ['  two', ' one', '\ttab']],
      ['only spaces', [' ', '  ']],
      ['trailing spaces', ['a  ', ' ']],
      ['LF', ['\n', 'a\n', '\na', 'a\n\nb', '\n\n']],
      ['CR', ['\r', 'a\r', '\ra', 'a\r\rb']],
      ['CRLF', ['\r\n', 'a\r\n', '\r\na', 'a\r\n\r\nb', '\r\n\r\n']],
      ['a mix of line ends', ['a\rb\nc\r\nd\n\re', '\n\r\n\r']],
      ['CR and LF in tokens of their own', ['a\r', '\nb']],
      ['what looks like a frame', ['\n\ndata: x\n\n', 'event: done\ndata: {}\n\n', ': comment', 'id: 1', 'retry: 1', 'data']],
      ['separators of other kinds', ['\u2028', '\u2029', '\u0085', '\u000b', '\f', '\ufeffbom']],
      ['NUL', ['a\0b', '\0']],
      ['several scripts and emoji', ['你好', '👨‍👩‍👧', 'é', '\u202eabc']],
      ['colons and quotes', [':', '": "', '\\n', '{"done":true}']],
      ['a long line', ['x'.repeat(100_000), 'y\n'.repeat(1000)]],
    ])('tokens with %s arrive unchanged', async (_name, texts) => {
      const { text } = await chatWith([...texts.map((response) => ({ response, done: false })), { done: true }])
      expect(toSseEvents(text)).toEqual([
        ...texts.map((data) => ({ event: 'messages', data: toRead(data) })),
        { event: 'done', data: '{"done":true}' },
      ])
    })

    test('an empty piece sends no frame', async () => {
      const { text } = await chatWith([
        { response: '', done: false },
        { done: false },
        { response: '', thinking: '', done: false },
        { response: 'a', thinking: '', done: false },
        { response: '', done: true },
      ])
      expect(toSseEvents(text).map(({ event }) => event)).toEqual(['messages', 'done'])
    })

    test('thinking has events of its own, before the text of the same line', async () => {
      const { text } = await chatWith([
        { response: '', thinking: ' hm\nso', done: false },
        { response: 'Four', thinking: '.', done: false },
        { response: '.', done: true },
      ])
      expect(toSseEvents(text)).toEqual([
        { event: 'thinking', data: ' hm\nso' },
        { event: 'thinking', data: '.' },
        { event: 'messages', data: 'Four' },
        { event: 'messages', data: '.' },
        { event: 'done', data: '{"done":true}' },
      ])
    })

    test('text on the last line comes before done, and done has every field but four', async () => {
      const { text } = await chatWith([
        {
          model: 'gemma3',
          created_at: 'now',
          response: 'all\n',
          thinking: 'hm',
          done: true,
          context: [1, 2],
          done_reason: 'length',
          eval_count: 18,
          future: { text: 'a\nb' },
        },
      ])
      const [thinking, messages, done] = toSseEvents(text)
      expect(thinking).toEqual({ event: 'thinking', data: 'hm' })
      expect(messages).toEqual({ event: 'messages', data: 'all\n' })
      expect(done!.event).toBe('done')
      expect(JSON.parse(done!.data)).toEqual({
        model: 'gemma3',
        done: true,
        done_reason: 'length',
        eval_count: 18,
        future: { text: 'a\nb' },
      })
    })

    each(['application/json', 'application/x-ndjson', 'text/plain, */*', '*/*', ''])('Accept: %s gets SSE', async (accept) => {
      const answer = await readAll(chat({ text: 'Hi', model: 'smollm2:135m', stream: false }, { accept }))
      expect(answer.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        'x-request-id': expect.any(String),
      })
      expect(textOf(toSseEvents(answer.text), 'messages')).not.toBe('')
    })

    each([
      [{ text: 'Hi' }, {}],
      [{ text: ' \n Hi ' }, {}],
      [
        { text: 'Hi', system: 'Be\nbrief', think: 'high', options: { seed: 1, future: 'x' }, keep_alive: '5m' },
        { system: 'Be\nbrief', think: 'high', options: { seed: 1, future: 'x' }, keep_alive: '5m' },
      ],
      [
        { text: 'Hi', think: false, keep_alive: 0, options: {}, system: '' },
        { think: false, keep_alive: 0 },
      ],
      [{ text: 'Hi', think: 'a level to come' }, { think: 'a level to come' }],
      [{ text: 'Hi', stream: false }, {}],
      [{ text: 'Hi', prompt: 'no', raw: true, template: 'x', context: [1], messages: 5, future: {} }, {}, '+5 unknown'],
      [{ text: 'Hi', think: 5, options: [5], keep_alive: true }, {}, 'think, options, keep_alive'],
      [{ text: 'Hi', options: { temperature: '1', seed: 5 } }, { options: { seed: 5 } }, 'options.temperature'],
    ])('%j becomes a request of /api/generate with only the known, valid fields', async (body, more, ignored?: string) => {
      const model = stage.upstream.script(tokens({ count: 1 }))
      const { status, headers } = await readAll(chat({ ...body, model }))
      expect([status, headers['x-sluice-ignored']]).toEqual([200, ignored])
      const [seen] = stage.upstream.requestsFor(model)
      expect(seen).toMatchObject({ method: 'POST', target: '/api/generate' })
      expect(seen!.json).toEqual({ model, prompt: body.text, stream: true, ...more })
    })

    test.each([{}, { model: '' }, { model: null }])('without a model the loaded model answers: %j', async (none) => {
      expect(await readAll(chat({ text: 'Hi', ...none }))).toMatchObject({ status: 200 })
      expect(stage.upstream.requests.at(-1)!.json).toEqual({ model: 'gemma3:270m', prompt: 'Hi', stream: true })
    })

    each([
      [{}, 'text'],
      [{ text: '' }, 'text'],
      [{ text: ' \t\n\u00a0' }, 'text'],
      [{ text: null }, 'text'],
      [{ text: 5 }, 'text'],
      [{ text: ['Hi'] }, 'text'],
      [{ prompt: 'Hi' }, 'text'],
      [{ text: 'Hi', model: 5 }, 'model'],
      [{ text: 'Hi', model: '../x' }, 'model'],
      [{ text: 'Hi', system: 5 }, 'system'],
    ])('%j is refused at %s', async (body, path) => {
      const asked = await countRequests(stage, async () => {
        const failure = await readFailure(chat(body))
        expect(failure).toMatchObject({ status: 400, code: 'invalid_request' })
        expect(failure.issues![0]!.path).toBe(path)
      })
      expect(asked).toBe(0)
    })

    test('a failure after text is a failed event, and the last one', async () => {
      const answer = await chatWith([{ response: 'Hel', done: false }, { error: 'the runner died' }])
      expect(answer).toMatchObject({ status: 200, ended: 'clean' })
      const [messages, failed, ...rest] = toSseEvents(answer.text)
      expect(messages).toEqual({ event: 'messages', data: 'Hel' })
      expect(failed!.event).toBe('failed')
      expect(JSON.parse(failed!.data)).toEqual({
        error: 'the runner died',
        code: 'upstream_failed',
        request_id: answer.headers['x-request-id'],
      })
      expect(rest).toEqual([])
    })

    test('a failure before text has its real status', async () => {
      const failure = await readFailure(chat({ text: 'Hi', model: 'nobody' }))
      expect(failure).toMatchObject({ status: 404, code: 'model_not_found', error: "model 'nobody' not found" })
      const model = stage.upstream.script(lines(['{"error":"no memory"}']))
      expect(await readFailure(chat({ text: 'Hi', model }))).toMatchObject({ status: 502, code: 'upstream_failed' })
    })
  })
}
