import { createHash } from 'node:crypto'
import type { Chat } from '#page/chats/chat.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPageState } from '#page/state/create-page-state.ts'
import type { Phase } from '#page/state/page-state.ts'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import type { Exchange, Script, Upstream } from '#fake-ollama/upstream.ts'
import { startServer } from '../../runtimes/server.ts'
import type { Server } from '../../runtimes/server.ts'
import { createFakeHost } from './fake-host.ts'
import { createMemoryHistory } from './memory-history.ts'

const secret = 'a-secret-of-the-reader'
let upstream: Upstream
let sluice: Server
let locked: Server
/** Its answers end with the connection of their reader. */
let forgetful: Server

beforeAll(async () => {
  upstream = await startUpstream()
  const env = { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent' }
  const hash = createHash('sha256').update(secret).digest('hex')
  ;[sluice, locked, forgetful] = await Promise.all([
    startServer('node', env),
    startServer('node', { ...env, SLUICE_API_KEYS: `reader:${hash}` }),
    startServer('node', { ...env, SLUICE_RESUME_MAX_SECONDS: '0' }),
  ])
})
afterAll(async () => {
  await Promise.all([sluice.stop(), locked.stop(), forgetful.stop()])
  await upstream.close()
})

function createPage({ host = createFakeHost({ url: sluice.url }), history = createMemoryHistory() } = {}) {
  const page = createPageState({ host, history })
  const answer = () => page.thread.value.at(-1)!.message
  return {
    page,
    host,
    history,
    answer,
    /** Asks a model that runs a script, and returns the exchange. */
    async ask(script: Script, text = 'Why?') {
      const model = upstream.script(script)
      page.set({ model })
      page.send(text, [])
      return (await upstream.next(model)).exchange
    },
    ended: () => expect.poll(() => page.run.value).toBeUndefined(),
  }
}

/** Whether this request stops an answer. */
const isStop = (url: string | URL, init?: RequestInit) => init?.method === 'DELETE' || String(url).includes('/cancel/')
const line = (exchange: Exchange, text: string) => exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
const think = (exchange: Exchange, thinking: string) =>
  exchange.chunk(`${JSON.stringify({ message: { role: 'assistant', content: '', thinking }, done: false })}\n`)
const done = (exchange: Exchange, tokens: number, reason = 'stop') => {
  exchange.chunk(`${toDoneLine(exchange.request, tokens).replace('"stop"', `"${reason}"`)}\n`)
  exchange.end()
}
const head: Script = (exchange) => exchange.head(200, { 'content-type': 'application/x-ndjson' })
/** Answers with these pieces, then ends. */
const saying =
  (...pieces: string[]): Script =>
  async (exchange) => {
    await head(exchange)
    for (const piece of pieces) line(exchange, piece)
    done(exchange, pieces.length)
  }

test("a question gets its answer, with Ollama's own figures", async () => {
  const { page, ask, ended, answer, history } = createPage()
  await ask(saying('Be', 'cause'))
  await ended()
  expect(answer()).toMatchObject({
    role: 'assistant',
    text: 'Because',
    model: page.chat.value.settings.model,
    end: { how: 'done' },
    usage: {
      promptTokens: 9,
      tokens: 2,
      tokensPerSecond: expect.closeTo(33.3, 1) as number,
      firstTokenMs: expect.any(Number) as number,
    },
  })
  expect(page.thread.value.map(({ message }) => message.text)).toEqual(['Why?', 'Because'])
  expect(history.kept.get(page.chat.value.id)).toEqual(page.chat.value)
})

test('thinking is shown apart, and timed', async () => {
  const { page, ask, ended, answer } = createPage()
  const exchange = await ask(head)
  think(exchange, 'Hm.')
  await expect.poll(() => page.run.value?.thinking.value).toBe('Hm.')
  expect(page.run.value?.phase.value).toBe('thinking')
  line(exchange, 'So')
  await expect.poll(() => page.run.value?.text.value).toBe('So')
  expect(page.run.value?.phase.value).toBe('writing')
  expect(page.run.value?.tokens.value).toBe(2)
  done(exchange, 2)
  await ended()
  expect(answer()).toMatchObject({ text: 'So', thinking: 'Hm.', thinkingMs: expect.any(Number) as number })
})

test('before the first token the phase shows what the server is doing', async () => {
  const { page, ask, ended } = createPage()
  const phases: Phase[] = []
  const asked = ask(head)
  page.run.value!.phase.subscribe((phase) => void phases.push(phase))
  const exchange = await asked
  await expect.poll(() => phases.length).toBeGreaterThan(1)
  done(exchange, 0)
  await ended()
  expect(phases[0]).toBe('connecting')
  expect(['queued', 'loading', 'evaluating']).toContain(phases[1])
})

test('many pieces change the text at most once a frame', async () => {
  const { page, ask, ended, answer, host } = createPage()
  const asked = ask(saying(...Array.from({ length: 2000 }, () => 'word ')))
  let changes = 0
  const before = host.frames
  page.run.value!.text.subscribe(() => void changes++)
  await asked
  await ended()
  expect(answer().text).toHaveLength(10_000)
  expect(changes).toBeLessThanOrEqual(host.frames - before + 2)
})

test('on a hidden page the text still grows', async () => {
  const { page, ask, ended, host } = createPage()
  host.hide()
  const exchange = await ask(head)
  line(exchange, 'Hello')
  await expect.poll(() => page.run.value?.text.value).toBe('Hello')
  done(exchange, 1)
  await ended()
})

test('stop ends the upstream request and keeps the text', async () => {
  const { page, ask, ended, answer } = createPage()
  const exchange = await ask(head)
  line(exchange, 'Half an ans')
  await expect.poll(() => page.run.value?.text.value).toBe('Half an ans')
  page.stop()
  expect(page.run.value?.phase.value).toBe('stopping')
  await exchange.closedByReader
  await ended()
  const { model } = page.chat.value.settings
  expect(answer()).toMatchObject({ text: 'Half an ans', model, end: { how: 'stopped', isFreed: true } })
})

test('stop with an unreachable server does not report a free GPU', async () => {
  let isGone = false
  // The timers are so slow that the page's own limit would end the wait only after minutes.
  const host = createFakeHost({ url: () => (isGone ? 'http://127.0.0.1:9' : sluice.url), hurry: 0.01 })
  const { page, ask, ended, answer } = createPage({ host })
  await ask(head)
  isGone = true
  page.stop()
  await ended()
  expect(answer().end).toEqual({ how: 'stopped', isFreed: false })
})

test('stop waits at most a second for the server', async () => {
  const host = createFakeHost({
    url: sluice.url,
    hurry: 20,
    fetch: (url, init) =>
      isStop(url, init)
        ? new Promise<Response>((_, reject) => init?.signal?.addEventListener('abort', reject))
        : fetch(url, init),
  })
  const { page, ask, ended, answer } = createPage({ host })
  const exchange = await ask(head)
  page.stop()
  await exchange.closedByReader
  await ended()
  expect(host.waitsMs).toContain(1000)
  expect(answer().end).toEqual({ how: 'stopped', isFreed: false })
})

test('an answer that is complete while it is being stopped ends as done', async () => {
  let exchange: Exchange | undefined
  const host = createFakeHost({
    url: sluice.url,
    fetch: async (url, init) => {
      if (!isStop(url, init)) return fetch(url, init)
      done(exchange!, 1)
      await exchange!.ended
      return new Response(null, { status: 404 })
    },
  })
  const { page, ask, ended, answer } = createPage({ host })
  exchange = await ask(head)
  line(exchange, 'All')
  page.stop()
  await ended()
  expect(answer()).toMatchObject({ text: 'All', end: { how: 'done' } })
})

test("a failure before the stream has the server's code and words", async () => {
  const { page, ended, answer } = createPage()
  page.set({ model: 'not-there' })
  page.send('Why?', [])
  await ended()
  expect(answer()).toMatchObject({
    text: '',
    model: 'not-there',
    end: {
      how: 'failed',
      code: 'model_not_found',
      text: expect.stringContaining('not-there') as string,
      requestId: expect.stringMatching(/^page-/) as string,
    },
  })
})

test('a failure has the seconds of Retry-After', async () => {
  const { ask, ended, answer } = createPage()
  await ask((exchange) => {
    exchange.head(503, { 'content-type': 'application/json', 'retry-after': '7' })
    exchange.chunk('{"error":"server busy"}')
    exchange.end()
  })
  await ended()
  expect(answer().end).toMatchObject({ how: 'failed', code: 'upstream_busy', retryAfterSeconds: 7 })
})

test.each([
  ['upstream_failed', (exchange: Exchange) => exchange.chunk('{"error":"the runner died"}\n')],
  ['upstream_truncated', (exchange: Exchange) => exchange.end()],
  ['upstream_failed', (exchange: Exchange) => exchange.reset()],
])('a failure in the middle keeps the text: %s', async (code, fail) => {
  const { page, ask, ended, answer } = createPage()
  const exchange = await ask(head)
  line(exchange, 'Half')
  await expect.poll(() => page.run.value?.text.value).toBe('Half')
  fail(exchange)
  await ended()
  expect(answer()).toMatchObject({ text: 'Half', end: { how: 'failed', code } })
})

test('an answer that was cut off at the limit is continued in its place', async () => {
  const { page, ask, ended, answer } = createPage()
  const exchange = await ask(head)
  think(exchange, 'Hm.')
  line(exchange, 'One, ')
  done(exchange, 3, 'length')
  await ended()
  expect(answer().end).toEqual({ how: 'length' })

  const { model } = page.chat.value.settings
  upstream.script(saying('two'), model)
  page.resume(answer().id)
  expect(answer().end).toBeUndefined()
  expect(page.run.value?.text.value).toBe('One, ')
  await ended()
  expect(answer()).toMatchObject({ text: 'One, two', thinking: 'Hm.', end: { how: 'done' }, usage: { tokens: 4 } })
  const { json } = upstream.requestsFor(model!).at(-1)!
  expect((json as { messages: object[] }).messages.at(-1)).toMatchObject({ role: 'assistant', content: 'One, ' })
})

test('a retry is a branch, and so is an edited question', async () => {
  const { page, ask, ended, answer } = createPage()
  await ask(saying('first'))
  await ended()
  page.retry(answer().id)
  await ended()
  expect(page.thread.value.map(({ index, count }) => [index, count])).toEqual([
    [1, 1],
    [2, 2],
  ])
  page.choose(answer().id, -1)
  expect(page.thread.value[1]).toMatchObject({ index: 1, count: 2 })
  page.choose(answer().id, -1)
  expect(page.thread.value[1]).toMatchObject({ index: 1 })

  page.edit(page.thread.value[0]!.message.id, 'In other words?', [])
  await ended()
  expect(page.thread.value.map(({ message, index, count }) => [message.text, index, count])).toEqual([
    ['In other words?', 2, 2],
    ['first', 1, 1],
  ])
  page.choose(page.thread.value[0]!.message.id, -1)
  expect(page.thread.value[0]!.message.text).toBe('Why?')
})

test('a retry replaces an answer without text', async () => {
  const { page, ask, ended, answer } = createPage()
  await ask((exchange) => exchange.reset())
  await ended()
  const { id } = answer()
  upstream.script(saying('now'), page.chat.value.settings.model)
  page.retry(id)
  await ended()
  expect(page.thread.value.at(-1)).toMatchObject({ count: 1, message: { id, text: 'now', end: { how: 'done' } } })
})

test('without a key the question stays, and a retry with the key answers it', async () => {
  const { page, ended, answer } = createPage({ host: createFakeHost({ url: locked.url }) })
  const model = upstream.script(saying('yes'))
  page.set({ model })
  page.send('Open?', [])
  await ended()
  expect(page.server.value).toEqual({ kind: 'locked', isWrong: false })
  expect(answer().end).toMatchObject({ how: 'failed', code: 'unauthorized' })
  expect(await page.setKey(secret, false)).toBe(true)
  page.retry(answer().id)
  await ended()
  expect(page.thread.value.map(({ message }) => message.text)).toEqual(['Open?', 'yes'])
})

test('a refused key locks the page', async () => {
  let { url } = sluice
  const host = createFakeHost({ url: () => url })
  const { page, ended } = createPage({ host })
  await expect.poll(() => page.server.value.kind).toBe('ready')
  ;({ url } = locked)
  page.send('Why?', [])
  await ended()
  expect(page.server.value.kind).toBe('locked')
})

test('the open chat stays open when another is removed', async () => {
  const { page, ask, ended } = createPage()
  await ask(saying('one'), 'First?')
  await ended()
  const { id } = page.chat.value
  page.create()
  await ask(saying('two'), 'Second?')
  await ended()
  await page.remove(id)
  expect(page.thread.value[0]?.message.text).toBe('Second?')
})

test('several chats answer at once, and go on when another is opened', async () => {
  const { page, ask, ended, answer } = createPage()
  const first = await ask(head, 'First?')
  const id = page.chat.value.id
  page.send('Not while it answers', [])
  expect(page.thread.value).toHaveLength(2)

  page.create()
  expect(page.run.value).toBeUndefined()
  const second = await ask(head, 'Second?')
  expect(page.running.value.size).toBe(2)
  line(first, 'one')
  done(first, 1)
  await expect.poll(() => page.running.value.size).toBe(1)
  line(second, 'two')
  done(second, 1)
  await ended()
  expect(answer().text).toBe('two')
  await page.open(id)
  expect(answer().text).toBe('one')
  expect(page.chats.value.map(({ title }) => title)).toEqual(['Second?', 'First?'])
})

test('a growing answer is saved twice a second, when the page is hidden, and when it is closed', async () => {
  const { page, ask, ended, host, history } = createPage({ host: createFakeHost({ url: forgetful.url }) })
  const kept = () => Object.values(history.kept.get(page.chat.value.id)!.messages).at(-1)!
  const exchange = await ask(head)
  line(exchange, 'Half')
  await expect.poll(() => kept().text).toBe('Half')
  expect(kept().end).toBeUndefined()
  line(exchange, ' of it')
  await expect.poll(() => page.run.value?.text.value).toBe('Half of it')
  host.hide()
  expect(kept()).toMatchObject({ text: 'Half of it' })
  expect(kept().end).toBeUndefined()
  expect(history.left).toEqual([])
  host.dispatch('pagehide')
  expect(kept()).toMatchObject({ text: 'Half of it', end: { how: 'interrupted' } })
  done(exchange, 2)
  await ended()
})

test('an answer without a token is saved again and again, so that other tabs know that it is being written', async () => {
  const { ask, ended, history } = createPage({ host: createFakeHost({ url: sluice.url, hurry: 20 }) })
  const exchange = await ask(head)
  const before = history.saves.length
  await expect.poll(() => history.saves.length).toBeGreaterThan(before + 3)
  done(exchange, 0)
  await ended()
})

test('a page that is closed in the middle hands the partial answer to the history, as interrupted', async () => {
  const { page, ask, ended, answer, host, history } = createPage({ host: createFakeHost({ url: forgetful.url }) })
  const exchange = await ask(head)
  line(exchange, 'Half')
  await expect.poll(() => page.run.value?.text.value).toBe('Half')
  expect(history.left).toEqual([])
  host.dispatch('pagehide')
  const interrupted = { text: 'Half', end: { how: 'interrupted' } }
  expect(history.left[0]?.messages[answer().id]).toMatchObject(interrupted)
  exchange.reset()
  await ended()
  expect(answer()).toMatchObject(interrupted)
})

describe('an answer that can be resumed', () => {
  /** Asks, and waits until the page has the first word. */
  const begin = async (first = createPage()) => {
    const exchange = await first.ask(head)
    line(exchange, 'Half')
    await expect.poll(() => first.page.run.value?.text.value).toBe('Half')
    return { ...first, exchange, id: first.page.chat.value.id }
  }
  /** Opens a page with the same chats and this chat, as a reload or another tab does. */
  const open = async ({ history, id }: Pick<Awaited<ReturnType<typeof begin>>, 'history' | 'id'>) => {
    const host = createFakeHost({ url: sluice.url, hash: `#/c/${id}` })
    const next = createPage({ host, history: createMemoryHistory([...history.kept.values()]) })
    await expect.poll(() => next.page.isReading.value).toBe(false)
    return next
  }

  test('is handed to the history with its stream when the page is closed, and the next page reads on', async () => {
    const first = await begin()
    first.host.dispatch('pagehide')
    const left = first.history.left[0]!.messages[first.answer().id]!
    expect(left).toMatchObject({ text: 'Half', stream: { before: { text: '' } } })
    expect(left.end).toBeUndefined()
    const next = await open(first)
    expect(next.page.run.value?.text.value).toBe('Half')
    line(first.exchange, ' and half')
    for (const { page } of [first, next]) await expect.poll(() => page.run.value?.text.value).toBe('Half and half')
    done(first.exchange, 2)
    for (const { ended } of [first, next]) await ended()
    expect(next.answer()).toMatchObject({ text: 'Half and half', end: { how: 'done' }, usage: { tokens: 2 } })
    expect(next.answer()).not.toHaveProperty('stream')
    expect({ ...next.answer(), updatedAt: 0 }).toEqual({ ...first.answer(), updatedAt: 0 })
    expect(next.host.asked).not.toContain('POST /api/chat')
  })

  test('is stopped by any page, for all of them', async () => {
    const first = await begin()
    const next = await open(first)
    await expect.poll(() => next.page.run.value?.phase.value).toBe('writing')
    next.page.stop()
    await first.exchange.closedByReader
    for (const { ended, answer } of [first, next]) {
      await ended()
      expect(answer()).toMatchObject({ text: 'Half', end: { how: 'stopped', isFreed: true } })
    }
  })

  test('is read by a page that shows another chat only when no other page saves it any more', async () => {
    const first = await begin()
    const [chat] = first.history.kept.values()
    const history = createMemoryHistory([chat!])
    const { page } = createPage({ history })
    await expect.poll(() => page.isReading.value).toBe(false)
    expect(page.running.value.size).toBe(0)
    const old = { ...chat!.messages[first.answer().id]!, updatedAt: Date.now() - 3000 }
    const other = createPage({ history: createMemoryHistory([{ ...chat!, messages: { ...chat!.messages, [old.id]: old } }]) })
    await expect.poll(() => [...other.page.running.value]).toEqual([first.id])
    done(first.exchange, 1)
    await expect.poll(() => other.page.running.value.size).toBe(0)
    expect(other.history.kept.get(first.id)!.messages[old.id]).toMatchObject({ text: 'Half', end: { how: 'done' } })
  })

  test('that the server no longer has is interrupted, keeps its text, and can be continued', async () => {
    const first = await begin()
    const [chat] = structuredClone([...first.history.kept.values()])
    const id = first.answer().id
    const message = chat!.messages[id]!
    const lost = { ...message, text: 'Half', stream: { ...message.stream!, address: '/streams/none' } }
    const history = createMemoryHistory([{ ...chat!, messages: { ...chat!.messages, [id]: lost } }])
    const next = await open({ history, id: first.id })
    await expect.poll(() => next.answer().end).toEqual({ how: 'interrupted', why: 'lost' })
    expect(next.answer().text).toBe('Half')
    const { model } = next.page.chat.value.settings
    upstream.script(saying(' and half'), model)
    next.page.resume(id)
    // The new request is newer than all states of the lost one.
    expect(next.answer()).not.toHaveProperty('acceptedAt')
    await next.ended()
    expect(next.answer()).toMatchObject({ text: 'Half and half', end: { how: 'done' } })
    first.page.stop()
    await first.ended()
  })

  test('is shown as far as it is known while the network is dead after a reload, and then goes on', async () => {
    const first = await begin()
    let isDead = true
    const host = createFakeHost({
      url: sluice.url,
      hash: `#/c/${first.id}`,
      fetch: (url, init) => (isDead ? Promise.reject(new TypeError('Failed to fetch')) : fetch(url, init)),
    })
    const message = { ...first.answer(), text: 'Half' }
    const chat = { ...first.page.chat.value, messages: { ...first.page.chat.value.messages, [message.id]: message } }
    const next = createPage({ host, history: createMemoryHistory([chat]) })
    await expect.poll(() => next.page.run.value?.reconnectingSince.value).toBeDefined()
    expect(next.page.run.value?.text.value).toBe('Half')
    isDead = false
    await expect.poll(() => next.page.run.value?.phase.value, { timeout: 5000 }).toBe('writing')
    expect(next.page.run.value?.reconnectingSince.value).toBeUndefined()
    next.page.stop()
    await next.ended()
  })

  test('that only another page can read is tried once, as long as that page saves it', async () => {
    const first = await begin()
    const message = first.answer()
    const unread = { ...message, stream: { ...message.stream!, address: '/streams/none' } }
    const toChat = (text: string) => ({
      ...first.page.chat.value,
      messages: { ...first.page.chat.value.messages, [message.id]: { ...unread, text, updatedAt: Date.now() } },
    })
    const history = createMemoryHistory([toChat('H')])
    const next = await open({ history, id: first.id })
    const gets = () => next.host.asked.filter((one) => one === 'GET /streams/none')
    await next.ended()
    for (const text of ['Ha', 'Half']) {
      next.history.fromOtherTab(first.id, toChat(text))
      expect(next.answer()).toMatchObject({ text })
      expect(next.answer().end).toBeUndefined()
      expect(next.page.run.value).toBeUndefined()
    }
    expect(gets()).toHaveLength(1)
    first.page.stop()
    await first.ended()
  })

  test('whose end this page did not see has the end and the text that another page saved', async () => {
    const first = await begin()
    const next = await open(first)
    await expect.poll(() => next.page.run.value?.phase.value).toBe('writing')
    const partial = next.page.chat.value.messages[next.answer().id]!
    const { stream: _, ...ended } = { ...partial, text: 'Half and half', end: { how: 'done' } as const }
    next.history.fromOtherTab(first.id, { ...next.page.chat.value, messages: { [partial.id]: ended } })
    // This page sees only an earlier end.
    first.page.stop()
    await next.ended()
    expect(next.answer()).toMatchObject({ text: 'Half and half', end: { how: 'done' } })
    expect(next.history.kept.get(first.id)!.messages[partial.id]).toMatchObject({ text: 'Half and half' })
  })
})

test('the address names the open chat: a reload and Back open it', async () => {
  const { page, ask, ended, host, history } = createPage()
  await ask(saying('one'), 'First?')
  const first = page.chat.value.id
  expect(host.location.hash).toBe(`#/c/${first}`)
  await ended()
  page.create()
  expect(host.location.hash).toBe('')
  await ask(saying('two'), 'Second?')
  await ended()

  host.goTo(`#/c/${first}`)
  expect(page.chat.value.id).toBe(first)
  host.goTo('')
  expect(page.thread.value).toEqual([])

  const reload = async (hash: string) => {
    const next = createPage({ host: createFakeHost({ url: sluice.url, hash }), history })
    expect(next.page.isReading.value).toBe(true)
    await expect.poll(() => next.page.isReading.value).toBe(false)
    return next
  }
  expect((await reload(`#/c/${first}`)).answer().text).toBe('one')
  const lost = await reload('#/c/lost')
  expect([lost.page.thread.value, lost.host.location.hash]).toEqual([[], ''])
})

test("a new chat has the last one's model and no other setting, after a reload too", async () => {
  const { page, host } = createPage()
  page.set({ model: 'smollm2:135m', temperature: 0.1, seed: 3 })
  page.set({ seed: undefined })
  expect(page.chat.value.settings).toEqual({ model: 'smollm2:135m', temperature: 0.1 })
  page.create()
  expect(page.chat.value.settings).toEqual({ model: 'smollm2:135m' })
  const reloaded = createPage({ host: createFakeHost({ url: sluice.url, stores: host.stores }) })
  expect(reloaded.page.chat.value.settings).toEqual({ model: 'smollm2:135m' })
})

test('a new chat drops a model that no longer exists', async () => {
  const { page, host } = createPage()
  page.set({ model: 'removed:1b' })
  const reloaded = createPage({ host: createFakeHost({ url: sluice.url, stores: host.stores }) })
  expect(reloaded.page.chat.value.settings).toEqual({ model: 'removed:1b' })
  await expect.poll(() => reloaded.page.model.value).toBeDefined()
  expect(reloaded.page.chat.value.settings).toEqual({})
})

test('the abilities of the models come with their list', async () => {
  const { page, host } = createPage()
  await expect.poll(() => page.model.value?.capabilities).toContain('completion')
  await page.refresh()
  expect(page.models.value.every(({ capabilities }) => capabilities)).toBe(true)
  expect(host.asked).not.toContain('POST /api/show')
})

test('with an older Ollama the abilities of the current model are asked for at once, and of the others when the picker opens', async () => {
  const older: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!response.url.endsWith('/api/tags')) return response
    const { models } = (await response.json()) as { models: object[] }
    const headers = { 'x-sluice-default-model': response.headers.get('x-sluice-default-model')! }
    return Response.json({ models: models.map((model) => ({ ...model, capabilities: undefined })) }, { headers })
  }
  const { page, host } = createPage({ host: createFakeHost({ url: sluice.url, fetch: older }) })
  await expect.poll(() => page.model.value?.capabilities).toContain('completion')
  const shows = () => host.asked.filter((one) => one === 'POST /api/show').length
  expect(shows()).toBe(1)
  await page.refresh()
  expect(page.models.value.every(({ capabilities }) => capabilities)).toBe(true)
  expect(shows()).toBe(page.models.value.length)
})

test('the model is the server’s default, and each request names it', async () => {
  const configured = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', SLUICE_MODEL: 'tooly' })
  const { page, ended } = createPage({ host: createFakeHost({ url: configured.url }) })
  try {
    await expect.poll(() => page.model.value?.name).toBe('tooly:latest')
    const before = upstream.requestsFor('tooly:latest').length
    page.send('Who?', [])
    await ended()
    expect(upstream.requestsFor('tooly:latest')).toHaveLength(before + 1)
    expect(page.chat.value.settings).toEqual({})
  } finally {
    await configured.stop()
  }
})

test('an answer that is stopped while its model loads has the name of that model, which does not count as loaded', async () => {
  const { page, ended, answer } = createPage()
  await expect.poll(() => page.model.value).toBeDefined()
  const loaded = () => page.models.value.filter(({ isLoaded }) => isLoaded).map(({ name }) => name)
  const before = loaded()
  const { name } = page.models.value.findLast(({ isLoaded }) => !isLoaded)!
  const undo = upstream.on('POST /api/chat', head)
  page.set({ model: name })
  page.send('Who?', [])
  await expect.poll(() => page.run.value?.phase.value).toBe('loading')
  page.stop()
  await ended()
  expect(answer()).toMatchObject({ model: name, end: { how: 'stopped' } })
  expect(loaded()).toEqual(before)
  page.set({ model: undefined })
  page.retry(answer().id)
  expect(answer().model).toBe(page.model.value!.name)
  await page.removeAll()
  undo()
})

test("other tabs' changes come in, but not over what is being written", async () => {
  const { page, ask, ended, answer, history } = createPage()
  const exchange = await ask(head)
  const { chat } = page
  const later = Date.now() + 60_000
  const id = answer().id
  const messages = { ...chat.value.messages, [id]: { ...answer(), text: 'older', updatedAt: later } }
  history.fromOtherTab(chat.value.id, { ...chat.value, title: 'Renamed there', updatedAt: later, messages })
  expect(chat.value.title).toBe('Renamed there')
  expect(answer().text).toBe('')
  line(exchange, 'newer')
  done(exchange, 1)
  await ended()
  expect(answer()).toMatchObject({ id, text: 'newer' })
  history.fromOtherTab(chat.value.id, undefined)
  expect([page.chats.value, page.thread.value]).toEqual([[], []])
})

test('a branch that another tab chooses is shown when the chat is opened, and not before', async () => {
  const { page, ask, ended, answer, history } = createPage()
  await ask(saying('first'))
  await ended()
  const before = page.chat.value
  const other = { ...answer(), id: 'other', text: 'second', createdAt: answer().createdAt + 1 }
  const chosen = { ...before.chosen, [other.parent]: other.id }
  const updatedAt = before.updatedAt + 1
  history.fromOtherTab(before.id, { ...before, updatedAt, chosen, messages: { ...before.messages, other } })
  expect(page.thread.value.at(-1)).toMatchObject({ message: { text: 'first' }, index: 1, count: 2 })
  page.create()
  history.fromOtherTab(before.id, { ...before, updatedAt: updatedAt + 1, chosen })
  await page.open(before.id)
  expect(page.thread.value.at(-1)).toMatchObject({ message: { text: 'second' }, index: 2, count: 2 })
})

test('a chat leaves the list once the history has removed it, and not before', async () => {
  const chat: Chat = { id: 'one', title: '', createdAt: 1, updatedAt: 1, settings: {}, messages: {}, chosen: {} }
  const history = createMemoryHistory([chat, { ...chat, id: 'two' }, { ...chat, id: 'three' }])
  const gate = Promise.withResolvers<void>()
  const { page } = createPage({ history: { ...history, remove: () => gate.promise, removeAll: () => gate.promise } })
  await expect.poll(() => page.isReading.value).toBe(false)
  const removals = [page.remove('one'), page.removeAll()]
  expect(page.chats.value).toHaveLength(3)
  gate.resolve()
  await Promise.all(removals)
  expect(page.chats.value).toEqual([])
})

test('removing a chat stops its answer, and the chat does not come back', async () => {
  const { page, ask, history } = createPage()
  const exchange = await ask(head)
  line(exchange, 'x')
  await page.remove(page.chat.value.id)
  await exchange.closedByReader
  expect([page.thread.value, page.chats.value, page.running.value.size, history.kept.size]).toEqual([[], [], 0, 0])
})

test('a removed chat is not saved again while its stop and the disk are slow', async () => {
  const gate = Promise.withResolvers<void>()
  const host = createFakeHost({
    url: sluice.url,
    hurry: 20,
    fetch: (url, init) => (isStop(url, init) ? gate.promise.then(() => fetch(url, init)) : fetch(url, init)),
  })
  const history = createMemoryHistory()
  const { page, ask } = createPage({ host, history: { ...history, remove: () => gate.promise } })
  const exchange = await ask(head)
  line(exchange, 'x')
  const { id } = page.chat.value
  await expect.poll(() => page.run.value?.text.value).toBe('x')
  const removal = page.remove(id)
  const savesOf = (chatId: string) => history.saves.filter((chat) => chat.id === chatId).length
  const before = savesOf(id)
  // The test waits until another answer has been saved several times. If the page saved the removed
  // chat by mistake, it would have done so by then.
  await ask(head, 'And this?')
  await expect.poll(() => savesOf(page.chat.value.id)).toBeGreaterThan(3)
  expect(savesOf(id)).toBe(before)
  gate.resolve()
  await removal
})

test('chats are searched, renamed, exported and imported', async () => {
  const { page, ask, ended } = createPage()
  await ask(saying('about herons'), 'Birds?')
  await ended()
  const { id } = page.chat.value
  page.query.value = 'herons'
  expect(page.chats.value).toHaveLength(1)
  page.query.value = 'whales'
  expect(page.chats.value).toHaveLength(0)
  page.query.value = ''
  await page.rename(id, 'My birds')
  expect(page.chats.value[0]?.title).toBe('My birds')
  const file = await page.exportAll()
  await page.removeAll()
  expect(page.chats.value).toEqual([])
  expect(await page.importFrom(file)).toBe(1)
  expect(page.chats.value[0]).toMatchObject({ id, title: 'My birds' })
  expect(await page.importFrom(new Blob(['{}']))).toBeUndefined()
})
