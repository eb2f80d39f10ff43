import { createEventSource } from 'eventsource-client'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { delayed, replay, silent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { read, readAll, toText, type Chunk } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'
import {
  withEventSourceClient,
  withEventSourceParser,
  withFetchEventSource,
  withFetchEventStream,
  type ReadSse,
  type SseEvent,
} from '../sse-clients.ts'

interface SseReader {
  readonly name: string
  readonly read: ReadSse
  /** How the reader ends when its signal aborts. */
  readonly aborts: 'throws' | 'ends'
  /**
   * Returns the text that this reader delivers when a token is sent as plain text instead of JSON.
   * Some readers lose a part of the token (docs/hazards.md#31 and docs/hazards.md#32).
   */
  toKept(token: string): string
}

const whole = (token: string) => token
const withoutLeadingLines = (token: string) => token.replace(/^\n+/, '')

const readers: readonly SseReader[] = [
  { name: 'eventsource-parser/stream', read: withEventSourceParser, aborts: 'throws', toKept: whole },
  { name: 'eventsource-client', read: withEventSourceClient, aborts: 'ends', toKept: whole },
  { name: '@microsoft/fetch-event-source', read: withFetchEventSource, aborts: 'ends', toKept: withoutLeadingLines },
  {
    name: 'fetch-event-stream',
    read: withFetchEventStream,
    aborts: 'throws',
    toKept: (token) => withoutLeadingLines(token.replaceAll(/^\s+/gm, '')),
  },
]

const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as Chunk)
const paths = ['/api/generate', '/api/chat', '/chat'] as const
const toBody = (model: string) => ({ model, prompt: 'Hi', text: 'Hi', messages: [{ role: 'user', content: 'Hi' }] })

/**
 * Packages that read SSE from a POST. Each is used as its documentation describes
 * (docs/hazards.md#31, docs/hazards.md#32 and docs/hazards.md#33).
 */
export function describeSseReaders(runtime: RuntimeName) {
  describe('SSE readers', () => {
    const stage = useStage(runtime, { SLUICE_HEARTBEAT_MS: '100' })

    // `fetch-event-source` needs these browser globals.
    beforeAll(() => {
      vi.stubGlobal('window', globalThis)
      vi.stubGlobal('document', new EventTarget())
    })
    afterAll(() => {
      vi.unstubAllGlobals()
    })

    interface Reading {
      readonly events: readonly SseEvent[]
      readonly ended: Promise<void>
      abort(): void
    }

    function start(reader: SseReader, path: string, model: string, headers: Readonly<Record<string, string>> = {}): Reading {
      const events: SseEvent[] = []
      const controller = new AbortController()
      const ended = reader.read({
        url: stage.server.url + path,
        body: toBody(model),
        headers,
        signal: controller.signal,
        // Some clients use an empty text for a missing name or id.
        take: ({ event, data }) => void events.push({ event: event || undefined, data }),
      })
      // This only prevents an unhandled rejection. A test that awaits `ended` still gets the error.
      ended.catch(() => {})
      return { events, ended, abort: () => controller.abort() }
    }

    async function readWhole(reader: SseReader, path: string, model: string): Promise<readonly SseEvent[]> {
      const { events, ended } = start(reader, path, model)
      await ended
      return events
    }

    describe.each(readers)('$name', (reader) => {
      test.each([
        ['/api/generate', 'generate-stream'],
        ['/api/generate', 'generate-chinese'],
        ['/api/generate', 'generate-json'],
        ['/api/chat', 'chat-stream'],
        ['/api/chat', 'chat-thinking'],
        ['/api/chat', 'chat-tool-call'],
      ])('reads %s whole: %s', async (path, name) => {
        const events = await readWhole(reader, path, stage.upstream.script(replay(name)))
        expect(events).toEqual(toLines(loadRecording(name)).map((data) => ({ event: undefined, data })))
      })

      test('reads messages and done of /chat, and keeps as much of the tokens as it does of any event', async () => {
        const events = await readWhole(reader, '/chat', stage.upstream.script(replay('generate-html')))
        const said = chunksOf('generate-html').map(({ response }) => response ?? '')
        const messages = said.filter((text) => text !== '').map((text) => ({ event: 'messages', data: reader.toKept(text) }))
        expect(events.slice(0, -1)).toEqual(messages)
        if (reader.toKept === whole) expect(messages.map(({ data }) => data).join('')).toBe(toText(chunksOf('generate-html')))
        expect(events.at(-1)!.event).toBe('done')
        expect(JSON.parse(events.at(-1)!.data!)).toMatchObject({ done: true })
      })

      test.each(paths)('sees failed as the last event of %s', async (path) => {
        const model = stage.upstream.script(tokensThen(['One', ' two'], ({ reset }) => reset()))
        const { events, ended } = start(reader, path, model)
        await expect.poll(() => events.length).toBe(2)
        ;(await stage.upstream.next(model)).exchange.pass()
        await ended
        const token = path === '/chat' ? 'messages' : undefined
        expect(events.map(({ event }) => event)).toEqual([token, token, 'failed'])
        expect(JSON.parse(events[2]!.data!)).toMatchObject({ code: 'upstream_failed', error: expect.stringMatching(/Ollama/) })
      })

      test.each(paths)('gets the status of a refusal of %s', async (path) => {
        await expect(readWhole(reader, path, 'nobody')).rejects.toMatchObject({ status: 404 })
        const busy = stage.upstream.script(replay('error-busy'))
        await expect(readWhole(reader, path, busy)).rejects.toMatchObject({ status: 503 })
        await expect(readWhole(reader, path, '../x')).rejects.toMatchObject({ status: 400 })
      })

      test.each(paths)('stops the upstream by its signal in the middle of %s', async (path) => {
        const model = stage.upstream.script(tokens({ count: 5000, perSecond: 50 }))
        const { events, ended, abort } = start(reader, path, model)
        const { exchange } = await stage.upstream.next(model)
        await expect.poll(() => events.length).toBeGreaterThan(1)
        abort()
        await exchange.closedByReader
        if (reader.aborts === 'throws') await expect(ended).rejects.toThrow(/abort/i)
        else await ended
      })

      test('stops the upstream by its signal before the first token', async () => {
        const model = stage.upstream.script(silent())
        const { abort } = start(reader, '/api/generate', model)
        const { exchange } = await stage.upstream.next(model)
        abort()
        await exchange.closedByReader
      })
    })

    // These tests mostly wait, so they run at the same time.
    describe.concurrent('before the first token and between tokens', () => {
      test.each(readers)('$name gets no event from the opening and the heartbeats', async (reader) => {
        const readSlowly = async (path: string) => {
          const model = stage.upstream.script(delayed(600, tokens({ count: 3, perSecond: 4 })))
          const raw = readAll(read(stage.server, { path, body: toBody(model) }))
          const events = await readWhole(reader, path, model)
          expect((await raw).text.match(/^:$/gm)!.length).toBeGreaterThan(3)
          expect(events.every(({ data }) => data !== '')).toBe(true)
          return events.map(({ event }) => event)
        }
        const [messages, ...native] = await Promise.all(['/chat', '/api/chat', '/api/generate'].map(readSlowly))
        expect(messages).toEqual(['messages', 'messages', 'messages', 'done'])
        for (const events of native) expect(events).toEqual(Array(4).fill(undefined))
      })

      test.each(readers)('$name gets a status event with Prefer: status', async (reader) => {
        const model = stage.upstream.script(delayed(600, tokens({ count: 1 })))
        const { events, ended } = start(reader, '/api/chat', model, { prefer: 'status' })
        await ended
        expect(events.map(({ event }) => event)).toEqual(['status', undefined, undefined])
        expect(JSON.parse(events[0]!.data!)).toEqual({ status: 'loading', elapsed_ms: expect.any(Number) })
      })
    })

    test('no client repeats its request, as two of them would by default', async () => {
      const busy = replay('error-busy')
      const once: string[] = []
      for (const reader of readers) {
        const [good, refused] = [stage.upstream.script(tokens({ count: 1 })), stage.upstream.script(busy)]
        const broken = stage.upstream.script(tokensThen(['One'], ({ fin }) => fin()))
        await readWhole(reader, '/api/generate', good)
        await expect(readWhole(reader, '/api/generate', refused)).rejects.toMatchObject({ status: 503 })
        const { events, ended } = start(reader, '/api/generate', broken)
        await expect.poll(() => events.length).toBe(1)
        ;(await stage.upstream.next(broken)).exchange.pass()
        await ended
        once.push(good, refused, broken)
      }

      // By default, the two clients below send each request again after it has ended. They start
      // after all other clients. So once both have repeated their request, every other client has
      // also had time to repeat its request.
      const [good, refused] = [stage.upstream.script(tokens({ count: 1 })), stage.upstream.script(busy)]
      const url = `${stage.server.url}/api/generate`
      const source = createEventSource({ url, method: 'POST', body: JSON.stringify(toBody(good)) })
      const controller = new AbortController()
      const body = JSON.stringify(toBody(refused))
      void fetchEventSource(url, { method: 'POST', body, signal: controller.signal, openWhenHidden: true })
      for (const model of [good, good, refused, refused]) await stage.upstream.next(model)
      source.close()
      controller.abort()
      for (const model of once) expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    })
  })
}
