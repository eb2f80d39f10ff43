import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startBreakingProxy } from '../breaking-proxy.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { loadSnippets } from '../snippets.ts'
import { launchChromium } from './chromium.ts'
import { startSite, type Site } from './site.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const snippets = loadSnippets('docs/resume.md')

/** Another site, which serves a page of docs/resume.md. */
let site: Site
let html = ''
let upstream: Upstream
let server: Server
let browser: Browser
let page: Page
let origin: string

beforeAll(async () => {
  site = await startSite(() => html)
  origin = `http://good.test:${site.port}`
  upstream = await startUpstream()
  server = await startServer('node', {
    OLLAMA_HOST: upstream.url,
    SLUICE_LOG: 'silent',
    SLUICE_MODEL: 'm',
    SLUICE_CORS_ORIGINS: origin,
  })
  browser = await launchChromium()
  page = await browser.newPage()
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  await upstream?.close()
  site?.close()
})

/** Returns a block of the page, with another address in it. */
function toCode(language: string, contained: string, url = server.url): string {
  const found = snippets.filter((snippet) => snippet.language === language && snippet.code.includes(contained))
  expect(found).toHaveLength(1)
  return found[0]!.code.replaceAll('http://127.0.0.1:8083', url)
}
function see(text: string) {
  return expect.poll(() => page.locator('body').innerText()).toContain(text)
}
const lastExchange = () => upstream.requestsFor('m').at(-1)!.exchange
const inTwoParts = tokensThen(['One', ' two'], (exchange) => {
  exchange.chunk(`${toDeltaLine(exchange.request, ' three')}\n${toDoneLine(exchange.request, 3)}\n`)
  exchange.end()
})

describe('docs/resume.md in Chromium', () => {
  test('the browser’s EventSource reads a whole answer over broken connections', async () => {
    html = ''
    const pieces = Array.from({ length: 300 }, (_, index) => ` ${index}`)
    upstream.script(tokens({ count: pieces.length, perSecond: 200, text: (index) => pieces[index]! }), 'm')
    const seen = upstream.requests.length
    const proxy = await startBreakingProxy(server.port)
    const read: string[] = []
    page.on('console', (message) => message.type() === 'log' && read.push(message.text()))
    await page.goto(origin)
    await page.addScriptTag({ type: 'module', content: toCode('js', 'new EventSource(', proxy.url) })
    await expect.poll(() => read.length).toBe(pieces.length)
    expect(read).toEqual(pieces)
    expect(proxy.broken).toBe(2)
    expect(upstream.requests.length).toBe(seen + 1)
    proxy.close()
  })

  test('the page goes on after a reload, and its Stop stops the upstream after one', async () => {
    html = toCode('html', 'streamChat')
    upstream.script(inTwoParts, 'm')
    const seen = upstream.requests.length
    await page.goto(origin)
    await page.fill('input', 'Hi')
    await page.click('text=Send')
    await see('One two')
    await page.reload()
    await see('One two')
    lastExchange().pass()
    await see('One two three')

    upstream.script(thenSilent(2), 'm')
    await page.fill('input', 'Hi')
    await page.click('text=Send')
    await see(' token token')
    await page.reload()
    await see(' token token')
    await page.click('text=Stop')
    await lastExchange().closedByReader
    expect(upstream.requests.length).toBe(seen + 2)
  })

  test('the component for React goes on after a reload, and its Stop stops the upstream after one', async () => {
    const contents = `import { createElement } from 'react'\nimport { createRoot } from 'react-dom/client'\n${toCode('tsx', 'useChat')}
      createRoot(document.querySelector('#root')!).render(createElement(Chat, { id: 'a' }))`
    const { outputFiles } = await build({
      stdin: { contents, loader: 'tsx', resolveDir: root },
      bundle: true,
      write: false,
      format: 'iife',
      jsx: 'automatic',
      charset: 'utf8',
      define: { 'process.env.NODE_ENV': '"production"' },
    })
    html = `<!doctype html><meta charset="utf-8"><div id="root"></div><script>${outputFiles[0]!.text}</script>`
    upstream.script(inTwoParts, 'm')
    const seen = upstream.requests.length
    await page.goto(origin)
    await page.fill('input', 'Hi')
    await page.click('text=Send')
    await see('user: Hi\n\nassistant: One two')
    await page.reload()
    await see('user: Hi\n\nassistant: One two')
    lastExchange().pass()
    await see('user: Hi\n\nassistant: One two three')

    upstream.script(thenSilent(2), 'm')
    await page.fill('input', 'Hi')
    await page.click('text=Send')
    await see('assistant: token token')
    await page.reload()
    await see('assistant: token token')
    await page.click('text=Stop')
    await lastExchange().closedByReader
    await page.locator('text=Send').waitFor()
    expect(upstream.requests.length).toBe(seen + 2)
  })
})
