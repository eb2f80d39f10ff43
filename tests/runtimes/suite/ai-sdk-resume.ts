import { DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls, type ChatInit, type UIMessage } from 'ai'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { replay, silent, thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import type { Exchange, Script } from '#fake-ollama/upstream.ts'
import { MemoryChat } from '../memory-chat.ts'
import { read, readAll, readFailure, readRaw, toSseEvents, type Answer, type Reader } from '../reader.ts'
import { useStage, type PairName, type RuntimeName, type Stage } from '../server.ts'

const path = '/api/ui/chat'
const hi: UIMessage = { id: 'u1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }

const names = ['alice', 'bob'] as const
const toSecret = (name: string) => `sluice-secret-of-${name}`
const toEntry = (name: string) => `${name}:${createHash('sha256').update(toSecret(name)).digest('hex')}`
const bearer = (name: (typeof names)[number]) => ({ authorization: `Bearer ${toSecret(name)}` })

/** workerd notices a disconnected reader only when a heartbeat fails. */
const env = { SLUICE_HEARTBEAT_MS: '100', SLUICE_GRACE_MS: '50', SLUICE_API_KEYS: names.map(toEntry).join() }

let chats = 0
const toId = () => `chat-${++chats}`

/** Sends `One two`, and ` three` after `pass`. */
const inTwoParts: Script = tokensThen(['One', ' two'], (exchange) => finish(exchange, ' three'))

function finish(exchange: Exchange, text: string) {
  exchange.chunk(`${toDeltaLine(exchange.request, text)}\n${toDoneLine(exchange.request, 3)}\n`)
  exchange.end()
}

const toPath = (id: string, verb: 'stream' | 'stop') => `${path}/${encodeURIComponent(id)}/${verb}`
/** Waits until Sluice has noticed that the readers of alice's answers have left. */
function untilNobodyReads({ server }: Stage) {
  return expect
    .poll(async () => (await readAll(read(server, { path: '/streams', headers: bearer('alice') }))).text)
    .not.toContain('"attached"')
}
/** Opens the answer of a chat as soon as every process can find it, which may be after its request. */
async function untilKnown(open: () => Reader): Promise<Reader> {
  let reader: Reader
  await expect.poll(async () => ((reader = open()), (await reader.head).status), { interval: 5 }).toBe(200)
  return reader!
}
/** The frames of an answer, without comments. */
const toFrames = (text: string) => text.replaceAll(/^:\n/gm, '')
const toData = (text: string) => toSseEvents(text).map(({ data }) => data)

/**
 * The answers of a chat of the AI SDK that go on without a reader (docs/protocol.md#6-dialects).
 */
export function describeAiSdkResume(runtime: RuntimeName | PairName) {
  describe('ai-sdk resume', () => {
    const stage = useStage(runtime, env)

    /** A chat as a page creates it when it loads. */
    const load = (id: string, model: string, init: ChatInit<UIMessage> = {}) =>
      new MemoryChat({
        id,
        messages: [hi],
        transport: new DefaultChatTransport({
          api: stage.server.url + path,
          headers: { ...bearer('alice'), prefer: 'resume=30' },
          body: { model },
        }),
        ...init,
      })
    const headers = bearer('alice')
    const post = (id: unknown, model: string, prefer = 'resume=30'): Reader =>
      read(stage.server, { path, body: { id, model, messages: [hi] }, headers: { ...headers, prefer } })
    const resume = (id: string): Reader => read(stage.server, { path: toPath(id, 'stream'), headers })
    const toKnown = (id: string) => untilKnown(() => resume(id))
    const stop = (id: string, method = 'POST') => readAll(read(stage.server, { method, path: toPath(id, 'stop'), headers }))

    describe('a page that was reloaded', () => {
      test('reads the answer from its beginning, and goes on until its end', async () => {
        const [id, model] = [toId(), stage.upstream.script(inTwoParts)]
        const first = load(id, model, { messages: [] })
        const sent = first.sendMessage({ text: 'Hi' })
        const { exchange } = await stage.upstream.next(model)
        await expect.poll(() => first.text).toBe('One two')
        await first.stop() // which only closes the connection, as a reload does
        await sent

        const second = load(id, model)
        const resumed = second.resumeStream()
        await expect.poll(() => second.text).toBe('One two')
        expect(exchange.isOpen).toBe(true)
        exchange.pass()
        await resumed
        expect([second.text, second.status, second.messages.length]).toEqual(['One two three', 'ready', 2])
        expect(second.lastMessage).toMatchObject({ metadata: { done_reason: 'stop' } })
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test('does not double a message that it has stored before it was complete', async () => {
        const [id, model] = [toId(), stage.upstream.script(inTwoParts)]
        const first = load(id, model, { messages: [] })
        void first.sendMessage({ text: 'Hi' })
        const { exchange } = await stage.upstream.next(model)
        await expect.poll(() => first.text).toBe('One two')
        const stored = structuredClone(first.messages)
        await first.stop()

        const second = load(id, model, { messages: stored })
        const resumed = second.resumeStream()
        await expect.poll(() => second.status).toBe('streaming')
        exchange.pass()
        await resumed
        expect(second.messages.map(({ id }) => id)).toEqual(stored.map(({ id }) => id))
        expect(second.text).toBe('One two three')
      })

      test('before the first token gets the answer, although the first page never got a byte of it', async () => {
        const [id, model] = [
          toId(),
          stage.upstream.script(async (exchange) => (await exchange.passed, tokens({ count: 2 })(exchange))),
        ]
        const lost = post(id, model)
        const { exchange } = await stage.upstream.next(model)
        ;(await toKnown(id)).leave()
        lost.leave()
        const chat = load(id, model)
        const resumed = chat.resumeStream()
        await expect.poll(() => chat.status).toBe('submitted')
        exchange.pass()
        await resumed
        expect([chat.text, chat.status]).toEqual([' token token', 'ready'])
      })

      /** Asks for an answer that ends when its reader has left. */
      async function endUnread(id: string, model: string) {
        const reader = post(id, model)
        await reader.until((text) => text.includes(' two'))
        reader.leave()
        await untilNobodyReads(stage)
        const { exchange } = await stage.upstream.next(model)
        exchange.pass()
        await exchange.ended
      }

      test('after the end gets the answer whose end nobody has read, once', async () => {
        const [id, model] = [toId(), stage.upstream.script(inTwoParts)]
        await endUnread(id, model)
        const chat = load(id, model)
        await chat.resumeStream()
        expect([chat.text, chat.status]).toEqual(['One two three', 'ready'])
        await expect.poll(async () => (await readAll(resume(id))).status).toBe(204)
        const again = load(id, model)
        await again.resumeStream()
        expect([again.messages, again.status]).toEqual([[hi], 'ready'])
      })

      test('gets nothing, and no second answer, after an end that was read', async () => {
        const [id, model] = [toId(), stage.upstream.script(tokens({ count: 1 }))]
        const chat = load(id, model)
        await chat.sendMessage({ text: 'Hi' })
        await expect.poll(async () => (await readAll(resume(id))).status).toBe(204)
        const ends: object[] = []
        const again = load(id, model, { messages: chat.messages, onFinish: (end) => ends.push(end) })
        await again.resumeStream()
        expect([again.messages, again.status, ends]).toEqual([chat.messages, 'ready', []])
        expect(stage.upstream.requestsFor(model)).toHaveLength(1)
      })

      test('sees the error of an answer that failed meanwhile, and the text so far', async () => {
        const [id, model] = [toId(), stage.upstream.script(tokensThen(['One', ' two'], ({ fin }) => fin()))]
        await endUnread(id, model)
        const chat = load(id, model)
        await chat.resumeStream()
        expect([chat.text, chat.status]).toEqual(['One two', 'error'])
        expect(chat.error!.message).toMatch(/Ollama/)
      })

      test('sees why an answer was stopped after its grace', async () => {
        const [id, model] = [toId(), stage.upstream.script(thenSilent(1))]
        const reader = post(id, model, 'resume=1')
        await reader.until((text) => text.includes(' token'))
        reader.leave()
        await (
          await stage.upstream.next(model)
        ).exchange.closedByReader
        const chat = load(id, model)
        await chat.resumeStream()
        expect([chat.text, chat.status]).toEqual([' token', 'error'])
        expect(chat.error!.message).toBe('The answer was stopped, because nobody came back within 1 s')
      })
    })

    test('a tool’s result goes on in the same message, and a reload after it adds what is new', async () => {
      let round = 0
      const id = toId()
      const model = stage.upstream.script((exchange) => (round++ === 0 ? replay('chat-tool-call') : inTwoParts)(exchange))
      const chat = load(id, model, {
        messages: [],
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
        onToolCall({ toolCall }) {
          void chat.addToolOutput({ tool: toolCall.toolName, toolCallId: toolCall.toolCallId, output: 21 })
        },
      })
      void chat.sendMessage({ text: 'Weather?' })
      await expect.poll(() => chat.text).toBe('One two')
      expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
      const stored = structuredClone(chat.messages)
      stored[1]!.parts = stored[1]!.parts.filter(({ type }) => type !== 'text')
      await chat.stop()

      const calls: object[] = []
      const reloaded = load(id, model, { messages: stored, onToolCall: (call) => void calls.push(call) })
      const resumed = reloaded.resumeStream()
      await expect.poll(() => reloaded.status).toBe('streaming')
      stage.upstream.requestsFor(model)[1]!.exchange.pass()
      await resumed
      expect(reloaded.messages[1]).toEqual(stored[1])
      expect([reloaded.text, reloaded.status, calls]).toEqual(['One two three', 'ready', []])
    })

    describe('several tabs', () => {
      test('get the same bytes, whenever they come', async () => {
        const [id, model] = [toId(), stage.upstream.script(inTwoParts)]
        const first = post(id, model)
        await first.until((text) => text.includes(' two'))
        const second = resume(id)
        await second.until((text) => text.includes(' two'))
        ;(await stage.upstream.next(model)).exchange.pass()
        await second.ended
        const { headers } = await first.head
        const third = read(stage.server, { path: headers['content-location'] as string, headers: bearer('alice') })
        const answers = await Promise.all([first, second, third].map(readAll))
        for (const { status, text, headers: own } of answers) {
          expect(status).toBe(200)
          expect(toFrames(text)).toBe(toFrames(answers[0]!.text))
          expect(own).toMatchObject({
            'content-type': 'text/event-stream',
            'x-vercel-ai-ui-message-stream': 'v1',
            'content-location': headers['content-location'],
          })
        }
        expect(headers['preference-applied']).toBe('resume=30')
        expect(toData(answers[0]!.text).at(-1)).toBe('[DONE]')
      })

      test('all see an abort when one stops, are ready again, and keep the text so far', async () => {
        const [id, model] = [toId(), stage.upstream.script(thenSilent(2))]
        const tabs = [load(id, model), load(id, model)]
        const sent = tabs[0]!.sendMessage({ text: 'Hi' })
        const { exchange } = await stage.upstream.next(model)
        await expect.poll(() => tabs[0]!.text).toBe(' token token')
        const resumed = tabs[1]!.resumeStream()
        await expect.poll(() => tabs[1]!.text).toBe(' token token')
        expect(await stop(id)).toMatchObject({ status: 204, text: '' })
        await exchange.closedByReader
        await Promise.all([sent, resumed])
        for (const { text, status, error } of tabs) expect([text, status, error]).toEqual([' token token', 'ready', undefined])
      })
    })

    describe('a stop', () => {
      const abort = '{"type":"abort","reason":"The answer was stopped"}'

      test.each(['POST', 'DELETE'])(
        'by %s ends the answer with the part abort, and nothing is left to resume',
        async (method) => {
          const [id, model] = [toId(), stage.upstream.script(thenSilent(1))]
          const reader = post(id, model)
          await reader.until((text) => text.includes(' token'))
          for (let i = 0; i < 3; i++) expect(await stop(id, method)).toMatchObject({ status: 204, text: '' })
          await (
            await stage.upstream.next(model)
          ).exchange.closedByReader
          expect(toData((await readAll(reader)).text).filter((data) => /abort|error|DONE/.test(data))).toEqual([abort])
          expect(toData(reader.text).at(-1)).toBe(abort)
          expect((await readAll(resume(id))).status).toBe(204)
        },
      )

      test.each<[string, Script]>([
        ['before the first token', silent()],
        ['between tokens', thenSilent(1)],
      ])('%s, while nobody reads, stops the upstream', async (_name, script) => {
        const [id, model] = [toId(), stage.upstream.script(script)]
        const lost = post(id, model)
        const { exchange } = await stage.upstream.next(model)
        await lost.until((text) => text !== '')
        lost.leave()
        expect((await stop(id)).status).toBe(204)
        await exchange.closedByReader
        expect((await readAll(resume(id))).status).toBe(204)
      })

      test('stops what runs in a chat, also an earlier answer, and no other chat', async () => {
        const [id, other, model] = [toId(), toId(), stage.upstream.script(thenSilent(1))]
        const readers = [post(id, model), post(id, model), post(other, model)]
        await Promise.all(readers.map((reader) => reader.until((text) => text.includes(' token'))))
        await stop(id)
        for (const reader of readers.slice(0, 2)) expect(toData((await readAll(reader)).text).at(-1)).toBe(abort)
        expect(readers[2]!.isEnded).toBe(false)
        await stop(other)
        await readers[2]!.ended
      })

      test('that races with the last token leaves exactly one terminal', async () => {
        for (let i = 0; i < 20; i++) {
          const [id, model] = [toId(), stage.upstream.script(inTwoParts)]
          const reader = post(id, model)
          await reader.until((text) => text.includes(' two'))
          ;(await stage.upstream.next(model)).exchange.pass()
          const stopped = i % 2 === 0 ? stop(id) : reader.until((text) => text.includes(' three')).then(() => stop(id))
          const { text, ended } = await readAll(reader)
          expect([ended, (await stopped).status]).toEqual(['clean', 204])
          expect(toData(text).filter((data) => /abort|error|DONE/.test(data))).toEqual([expect.stringMatching(/abort|DONE/)])
        }
      })

      test('of an answer that did not ask to be resumed, or of no answer, is 204 and stops nothing', async () => {
        const [id, model] = [toId(), stage.upstream.script(thenSilent(1))]
        const reader = post(id, model, 'status')
        await reader.until((text) => text.includes(' token'))
        for (const name of [id, 'nobody', toId()]) {
          expect(await stop(name)).toMatchObject({ status: 204, text: '' })
          expect(await readAll(resume(name))).toMatchObject({ status: 204, text: '' })
        }
        const { exchange } = await stage.upstream.next(model)
        expect([exchange.isOpen, reader.isEnded]).toEqual([true, false])
        reader.leave()
        await exchange.closedByReader
      })
    })

    test.each([
      'a/b',
      'a%2Fb',
      '100%',
      '%',
      '%E0%A4%A',
      '汉 字?#',
      '__proto__',
      'constructor',
      '\0\r\n',
      '"',
      '...',
      'x'.repeat(256),
    ])('a chat may have the id %j', async (id) => {
      const [model, other] = [stage.upstream.script(thenSilent(1)), toId()]
      const reader = post(id, model)
      await reader.until((text) => text.includes(' token'))
      const tab = resume(id)
      await tab.until((text) => text.includes(' token'))
      expect((await readAll(resume(other))).status).toBe(204)
      await stop(id)
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
      await Promise.all([reader.ended, tab.ended])
    })

    test.each([
      ['a number', 5],
      ['nothing', undefined],
      ['null', null],
      ['an empty text', ''],
      ['an object', { a: 1 }],
      ['257 characters', 'x'.repeat(257)],
    ])('an id that is %s names no chat, and the answer can be resumed by its run', async (_name, id) => {
      const model = stage.upstream.script(thenSilent(1))
      const reader = post(id, model)
      await reader.until((text) => text.includes(' token'))
      const name = typeof id === 'string' ? id : JSON.stringify(id)
      expect((await readAll(resume(name))).status).toBe(name === '' ? 404 : 204)
      const run = (await reader.head).headers['content-location'] as string
      expect((await readAll(read(stage.server, { method: 'DELETE', path: run, headers }))).status).toBe(204)
      await (
        await stage.upstream.next(model)
      ).exchange.closedByReader
      await reader.ended
    })

    describeBadRequests()

    function describeBadRequests() {
      test.each(['stream', 'stop'])('a chat that does not exist is 204 at /%s, whatever its id is', async (verb) => {
        const method = verb === 'stop' ? 'POST' : 'GET'
        const ids = ['nobody', '%00', '%0D%0A', '%', '%E0%A4%A', '%ff', '%2F..%2F', '..%5c', '%f0%9f%99%82', '__proto__']
        for (const id of [...ids, 'x'.repeat(10_000)]) {
          const answer = await readAll(read(stage.server, { method, path: `${path}/${id}/${verb}`, headers }))
          expect(answer, id).toMatchObject({ status: 204, text: '', ended: 'clean' })
        }
      })

      test.each([
        ['GET', '/', 404],
        ['GET', '/a', 404],
        ['GET', '/a/b/stream', 404],
        ['GET', '//stream', 404],
        // workerd does not resolve the dots, so they are the id of a chat that does not exist.
        ['GET', '/../stream', runtime === 'worker' ? 204 : 404],
        ['GET', '/%2e%2e/stream', runtime === 'worker' ? 204 : 404],
        ['HEAD', '/a/stream', 405],
        ['POST', '/a/stream', 405],
        ['DELETE', '/a/stream', 405],
        ['GET', '/a/stop', 405],
        ['PUT', '/a/stop', 405],
      ])('%s %s is %i, in the envelope', async (method, target, status) => {
        const head = `${method} ${path}${target} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${headers.authorization}\r\nconnection: close\r\n\r\n`
        const reader = readRaw(stage.server, head)
        await reader.closed
        expect(Number(reader.text.split(' ', 2)[1])).toBe(status)
        const body = reader.text.slice(reader.text.indexOf('{"'), reader.text.lastIndexOf('}') + 1)
        if (method !== 'HEAD' && status !== 204)
          expect(JSON.parse(body)).toMatchObject({ error: expect.any(String), request_id: expect.any(String) })
      })
    }
  })

  describe('ai-sdk resume, before the head is sent', () => {
    const stage = useStage(runtime, { ...env, SLUICE_GRACE_MS: '60000' })
    const headers = { ...bearer('alice'), prefer: 'resume' }
    const resume = (id: string): Reader => read(stage.server, { path: toPath(id, 'stream'), headers })

    /** Sends a question, and reads the answer in a second tab before the first tab has its head. */
    async function openTwice(script: Script) {
      const [id, model] = [toId(), stage.upstream.script(script)]
      const first = read(stage.server, { path, body: { id, model, messages: [hi] }, headers })
      const { exchange } = await stage.upstream.next(model)
      const second = await untilKnown(() => resume(id))
      return { id, first, second, exchange }
    }
    const failing: Script = async (exchange) => (await exchange.passed, replay('error-busy')(exchange))

    test('a stop is an abort in each tab, and no error', async () => {
      const { id, first, second, exchange } = await openTwice(silent())
      expect((await readAll(read(stage.server, { method: 'POST', path: toPath(id, 'stop'), headers }))).status).toBe(204)
      await exchange.closedByReader
      for (const { status, text } of await Promise.all([first, second].map(readAll)))
        expect([status, toData(text)]).toEqual([200, ['{"type":"abort","reason":"The answer was stopped"}']])
      expect((await readAll(resume(id))).status).toBe(204)
    })

    test('a failure has its status in the first tab, and is an error in the second', async () => {
      const { id, first, second, exchange } = await openTwice(failing)
      exchange.pass()
      const { status, error } = await readFailure(first)
      expect(status).toBe(503)
      expect(toData((await readAll(second)).text)).toEqual([JSON.stringify({ type: 'error', errorText: error })])
      await expect.poll(async () => (await readAll(resume(id))).status).toBe(204)
    })

    test('a failure whose status the only tab has is not sent again', async () => {
      const [id, model] = [toId(), stage.upstream.script(replay('error-busy'))]
      const reader = read(stage.server, { path, body: { id, model, messages: [hi] }, headers })
      expect(await readFailure(reader)).toMatchObject({ status: 503, code: 'upstream_busy' })
      // Another process may learn it a little later.
      await expect.poll(async () => (await readAll(resume(id))).status).toBe(204)
    })

    // workerd does not notice a reader that leaves before its head (docs/hazards.md#11).
    test.skipIf(runtime === 'worker')('a failure that no tab has read is an error after a reload', async () => {
      const { id, first, second, exchange } = await openTwice(failing)
      first.leave()
      second.leave()
      await untilNobodyReads(stage)
      exchange.pass()
      await exchange.ended
      expect(toData((await readAll(resume(id))).text)).toEqual([expect.stringContaining('"type":"error"')])
    })
  })

  describe('ai-sdk resume, of two callers', () => {
    const stage = useStage(runtime, { ...env, SLUICE_MAX_STREAMS_PER_KEY: '1' })
    const toUrl = (id: string, verb: 'stream' | 'stop') => `${path}/${id}/${verb}`
    const ask = (name: (typeof names)[number], target: string, method = 'GET') =>
      readAll(read(stage.server, { method, path: target, headers: bearer(name) }))
    /** Returns what a caller can tell an answer by. Only the id of the request differs. */
    const toSeen = ({ status, text, headers: { 'x-request-id': _id, date: _date, ...headers } }: Answer) => ({
      status,
      text,
      headers,
    })

    test('another caller’s chat looks as one that does not exist, and cannot be stopped', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const headers = { ...bearer('alice'), prefer: 'resume' }
      const reader = read(stage.server, { path, body: { id: 'mine', model, messages: [hi] }, headers })
      await reader.until((text) => text.includes(' token'))
      for (const [verb, method] of [
        ['stream', 'GET'],
        ['stop', 'POST'],
        ['stop', 'DELETE'],
      ] as const) {
        const unknown = await ask('bob', toUrl('nobody', verb), method)
        expect(unknown.status).toBe(204)
        expect(toSeen(await ask('bob', toUrl('mine', verb), method))).toEqual(toSeen(unknown))
      }
      const { exchange } = await stage.upstream.next(model)
      expect([exchange.isOpen, reader.isEnded]).toEqual([true, false])
      reader.leave()
      await ask('alice', toUrl('mine', 'stop'), 'POST')
      await exchange.closedByReader
    })

    test('without a good key each route is 401, whether the chat exists or not', async () => {
      for (const [verb, method] of [
        ['stream', 'GET'],
        ['stop', 'POST'],
      ] as const)
        expect(await readFailure(read(stage.server, { method, path: toUrl('mine', verb) }))).toMatchObject({
          status: 401,
          code: 'unauthorized',
        })
    })

    test('two callers may give their chats the same id', async () => {
      const models = names.map(() => stage.upstream.script(thenSilent(1)))
      const readers = names.map((name, i) =>
        read(stage.server, {
          path,
          body: { id: 'chat', model: models[i], messages: [hi] },
          headers: { ...bearer(name), prefer: 'resume' },
        }),
      )
      await Promise.all(readers.map((reader) => reader.until((text) => text.includes(' token'))))
      await ask('alice', toUrl('chat', 'stop'), 'POST')
      await readers[0]!.ended
      expect(readers[1]!.isEnded).toBe(false)
      await ask('bob', toUrl('chat', 'stop'), 'POST')
      await readers[1]!.ended
    })

    test('a caller at its limit of answers can read its chat in a second tab, and stop it', async () => {
      const model = stage.upstream.script(thenSilent(1))
      const headers = { ...bearer('alice'), prefer: 'resume' }
      const body = { id: 'limit', model, messages: [hi] }
      const reader = read(stage.server, { path, body, headers })
      await reader.until((text) => text.includes(' token'))
      expect(await readFailure(read(stage.server, { path, body, headers }))).toMatchObject({ status: 429 })
      const tab = read(stage.server, { path: toUrl('limit', 'stream'), headers: bearer('alice') })
      await tab.until((text) => text.includes(' token'))
      expect((await ask('alice', toUrl('limit', 'stop'), 'DELETE')).status).toBe(204)
      for (const { text } of await Promise.all([reader, tab].map(readAll)))
        expect(toData(text).at(-1)).toMatch(/^{"type":"abort"/)
    })
  })
}
