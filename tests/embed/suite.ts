import { afterAll, beforeAll, expect, test } from 'vitest'
import { thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { askToResume, read, readAll } from '../runtimes/reader.ts'
import { finish, toRecorded } from '../runtimes/resumable.ts'
import { startApp, type App, type AppProgram } from './start-app.ts'

interface EmbedOptions {
  /** Whether the app has a page of its own at `/`. */
  readonly hasPage: boolean
  /** Whether the app ends by itself at SIGTERM, when the open answers have ended. */
  readonly drains: boolean
}

/** What must hold for Sluice below `/ai` in any app. `toProgram` is called before the tests. */
export function describeEmbedded(toProgram: () => AppProgram, { hasPage, drains }: EmbedOptions) {
  let upstream: Upstream
  let app: App
  beforeAll(async () => {
    upstream = await startUpstream()
    app = await startApp(toProgram(), { OLLAMA_HOST: upstream.url, SLUICE_GRACE_MS: '0' })
  })
  afterAll(async () => {
    await app?.stop()
    expect(upstream?.strangers).toEqual([])
    await upstream?.close()
  })

  const path = '/ai/api/generate'
  const isSecond = (text: string) => text.split(' token').length > 2
  const ask = (model: string, headers: Readonly<Record<string, string>> = {}) =>
    read(app, { path, body: { model, prompt: 'Hi' }, headers: { accept: 'text/event-stream', ...headers } })

  test('the page and what it loads are below the path, and the rest is the app’s', async () => {
    for (const path of ['/ai', '/ai/']) {
      let page = await readAll(read(app, { path, headers: { accept: 'text/html' } }))
      if (page.status === 308)
        page = await readAll(read(app, { path: page.headers.location!, headers: { accept: 'text/html' } }))
      expect(page.status).toBe(200)
      for (const [, link = ''] of page.text.matchAll(/="(\/ai\/assets\/[^"]+)"/g))
        expect(await readAll(read(app, { path: link })), link).toMatchObject({ status: 200 })
      expect(page.text).not.toMatch(/="\/(?!ai\/)/)
    }
    expect(await readAll(read(app, { path: '/aix' }))).toMatchObject({ status: 404 })
    if (hasPage)
      expect(await readAll(read(app, { path: '/' }))).toMatchObject({
        status: 200,
        text: expect.stringContaining('/ai') as string,
      })
  })

  test('an answer streams token by token, and ends', async () => {
    const model = upstream.script(thenSilent(2))
    const reader = ask(model)
    await reader.until(isSecond)
    finish((await upstream.next(model)).exchange)
    const { status, text, headers } = await readAll(reader)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/event-stream')
    expect(text).toContain('"done":true')
  })

  test('a large body arrives', async () => {
    const body = { model: upstream.script(tokens({ count: 2 })), prompt: 'x'.repeat(3_000_000) }
    const answer = await readAll(read(app, { path: '/ai/v1/completions', body: { ...body, stream: true } }))
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('[DONE]') as string })
  })

  test('Ollama stops within 50 ms when a reader leaves', async () => {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const model = upstream.script(thenSilent(2))
      const reader = ask(model)
      await reader.until(isSecond)
      const { exchange } = await upstream.next(model)
      const at = performance.now()
      reader.leave()
      await exchange.ended
      times.push(performance.now() - at)
    }
    expect(times.toSorted((a, b) => a - b)[2], String(times)).toBeLessThanOrEqual(50)
  })

  test('a reader that leaves before the first token stops Ollama too', async () => {
    const model = upstream.script(thenSilent(0))
    const reader = ask(model)
    const { exchange } = await upstream.next(model)
    reader.leave()
    await exchange.ended
  })

  test('a failure has its status before the first token, and its terminal after it', async () => {
    const refused = await readAll(ask(upstream.script((exchange) => exchange.reset())))
    expect(refused.text).toContain('"code":"upstream_')
    const model = upstream.script(tokensThen([' token', ' token'], (exchange) => exchange.reset()))
    const reader = ask(model)
    await reader.until(isSecond)
    ;(await upstream.next(model)).exchange.pass()
    const cut = await readAll(reader)
    expect(cut.status).toBe(200)
    expect(cut.text).toMatch(/event: failed\ndata: .*"code":"upstream_/)
    expect(await readAll(read(app, { path, body: '{', headers: { 'content-type': 'application/json' } }))).toMatchObject({
      status: 400,
      text: expect.stringContaining('"code":"invalid_json"') as string,
    })
    expect(await readAll(read(app, { path: '/ai/no/such/path' }))).toMatchObject({ status: 404 })
  })

  test('an answer whose reader is cut off is resumed at its address', async () => {
    const model = upstream.script(thenSilent(2))
    const reader = askToResume({ server: app }, model, { path })
    const location = (await reader.head).headers['content-location']!
    expect(location).toMatch(/^\/ai\/streams\/\w+$/)
    await reader.until(isSecond)
    reader.leave('reset')
    const { exchange } = await upstream.next(model)
    const viewer = read(app, { path: location })
    await viewer.until(isSecond)
    finish(exchange)
    const whole = toRecorded((await readAll(viewer)).text)
    expect(whole).toContain('"done":true')
    expect(toRecorded((await readAll(read(app, { path: location }))).text)).toBe(whole)
    expect(await readAll(read(app, { path: location, method: 'DELETE' }))).toMatchObject({ status: 204 })
    expect(await readAll(read(app, { path: location }))).toMatchObject({ status: 404 })
  })

  test.runIf(drains)('at SIGTERM the open answers end first', async () => {
    const model = upstream.script(thenSilent(2))
    const reader = ask(model)
    await reader.until(isSecond)
    app.signal('SIGTERM')
    finish((await upstream.next(model)).exchange)
    expect((await readAll(reader)).text).toContain('"done":true')
    expect(await app.exited).toBe(0)
    expect(app.output()).toMatch(/^The app listens on .*\n$/)
  })
}
