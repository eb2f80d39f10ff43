import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { thenSilent } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startCuttingProxy, uncut, type Cut, type CuttingProxy } from '../cutting-proxy.ts'
import { askToResume, read, readAll } from '../runtimes/reader.ts'
import { finish, say, toRunPath } from '../runtimes/resumable.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { launchChromium } from './chromium.ts'

let upstream: Upstream
let server: Server
let proxy: CuttingProxy
let browser: Browser
let page: Page
/** The cut of the next connection that asks for a run. */
let nextCut: Cut | undefined

beforeAll(async () => {
  upstream = await startUpstream()
  server = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent', SLUICE_GRACE_MS: '0' })
  proxy = await startCuttingProxy(
    () => server.port,
    () => (received) => (received.includes('content-location: /streams/') && nextCut ? nextCut(received) : uncut(received)),
  )
  browser = await launchChromium()
  page = await browser.newPage()
  await page.goto(proxy.url)
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await proxy?.close()
  await server?.stop()
  await upstream?.close()
})

interface Watched {
  readonly tokens: string[]
  readonly source: EventSource
}
declare const watched: Watched

const watch = (run: string) =>
  page.evaluate((path) => {
    const tokens: string[] = []
    const source = new EventSource(path)
    source.addEventListener('message', ({ data }: MessageEvent<string>) =>
      tokens.push((JSON.parse(data) as { response: string }).response || 'done'),
    )
    source.addEventListener('failed', () => tokens.push('failed'))
    Object.assign(globalThis, { watched: { tokens, source } })
  }, run)
const tokens = () => page.evaluate(() => watched.tokens)
const isClosed = () => page.evaluate(() => watched.source.readyState === EventSource.CLOSED)

async function start() {
  const model = upstream.script(thenSilent(1))
  const reader = askToResume({ server }, model)
  await reader.until((text) => text.includes(' token'))
  return { model, reader, run: toRunPath(await reader.head), exchange: (await upstream.next(model)).exchange }
}

test(
  'a native EventSource follows a run, gets each token once over a cut connection, and stops at its end',
  { timeout: 40_000 },
  async () => {
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    const { model, reader, run, exchange } = await start()
    nextCut = (received) => {
      const at = received.indexOf(' cut')
      if (at < 0) return received.byteLength
      nextCut = undefined
      return at
    }
    await watch(run)
    await expect.poll(tokens).toEqual([' token'])
    reader.leave()
    say(exchange, ' cut')
    say(exchange, ' more')
    await expect.poll(tokens, { timeout: 15_000 }).toEqual([' token', ' cut', ' more'])
    finish(exchange)
    await expect.poll(isClosed, { timeout: 15_000 }).toBe(true)
    expect(await tokens()).toEqual([' token', ' cut', ' more', 'done'])
    // The first request, the one after the cut, and the one that gets a 204.
    expect(asked.filter((path) => path === run)).toHaveLength(3)
    expect(upstream.requestsFor(model)).toHaveLength(1)
  },
)

test('a native EventSource of an unknown run closes at once', async () => {
  await watch(`/streams/${'0'.repeat(32)}`)
  await expect.poll(isClosed).toBe(true)
  expect(await tokens()).toEqual([])
})

test('a run that is erased closes the EventSource that connects to it again', { timeout: 40_000 }, async () => {
  const { reader, run, exchange } = await start()
  await watch(run)
  await expect.poll(tokens).toEqual([' token'])
  finish(exchange)
  await reader.ended
  await readAll(read(server, { path: run, method: 'DELETE' }))
  await expect.poll(isClosed, { timeout: 15_000 }).toBe(true)
  expect(await tokens()).toEqual([' token', 'done'])
})
