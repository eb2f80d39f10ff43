import { build } from 'esbuild'
import type { BrowserContext, Page } from 'playwright-core'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { useStage } from '../stage.ts'

/** The other site serves the page of chat.ts. */
let html: string
const stage = useStage(() => html)
let origin: string
let context: BrowserContext

beforeAll(async () => {
  origin = stage.listed
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('chat.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2023',
    charset: 'utf8',
    define: { sluice: JSON.stringify(stage.server.url), 'process.env.NODE_ENV': '"development"' },
  })
  html = `<!doctype html><meta charset="utf-8"><div id="root"></div><script>${outputFiles[0]!.text}</script>`
})

/** What the browser reported as an error. */
let problems: string[]
beforeEach(async () => {
  problems = []
  context = await stage.browser.newContext()
  context.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  context.on('weberror', (error) => problems.push(error.error().message))
})
afterEach(async () => {
  await context.close()
  expect(problems).toEqual([])
})

let chats = 0
/** Opens a tab with this chat. */
async function open(chat: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${origin}/#${chat}`)
  await see(page, 'ready')
  return page
}
/** Waits until a page shows these messages, and its status. */
function see(page: Page, status: string, ...messages: string[]) {
  return expect
    .poll(async () => [await page.locator('output').textContent(), ...(await page.locator('p').allTextContents())])
    .toEqual([status, ...messages])
}
const lastExchange = () => stage.upstream.requestsFor('m').at(-1)!.exchange
const inTwoParts = tokensThen(['One', ' two'], (exchange) => {
  exchange.chunk(`${toDeltaLine(exchange.request, ' three')}\n${toDoneLine(exchange.request, 3)}\n`)
  exchange.end()
})

describe('a page with useChat({ resume: true }), at another origin', () => {
  test('goes on with its answer after a reload, as often as one likes, and asks the model once', async () => {
    const seen = stage.upstream.requests.length
    stage.upstream.script(inTwoParts, 'm')
    const page = await open(`chat ${++chats}`)
    await page.click('#send')
    await see(page, 'streaming', 'Hi', 'One two')
    for (let i = 0; i < 3; i++) {
      await page.reload()
      await see(page, 'streaming', 'Hi', 'One two')
    }
    expect(lastExchange().isOpen).toBe(true)
    lastExchange().pass()
    await see(page, 'ready', 'Hi', 'One two three')
    expect(stage.upstream.requests.length).toBe(seen + 1)
    // The answer is over and read, so another reload shows what the page has stored.
    await page.reload()
    await see(page, 'ready', 'Hi', 'One two three')
    stage.upstream.script(tokens({ count: 1 }), 'm')
    await page.click('#send')
    await see(page, 'ready', 'Hi', 'One two three', 'Hi', ' token')
  })

  test('stops the GPU with a stop after a reload, is ready again, and keeps the text', async () => {
    stage.upstream.script(thenSilent(2), 'm')
    const page = await open(`chat ${++chats}`)
    await page.click('#send')
    await see(page, 'streaming', 'Hi', ' token token')
    await page.reload()
    await see(page, 'streaming', 'Hi', ' token token')
    await page.click('#stop')
    await lastExchange().closedByReader
    await see(page, 'ready', 'Hi', ' token token')
    await page.reload()
    await see(page, 'ready', 'Hi', ' token token')
  })

  test('stops an answer that has not begun, after a reload too', async () => {
    stage.upstream.script(() => {}, 'm')
    const page = await open(`chat ${++chats}`)
    const seen = stage.upstream.requests.length
    await page.click('#send')
    await expect.poll(() => stage.upstream.requests.length).toBe(seen + 1)
    await see(page, 'submitted', 'Hi')
    await page.reload()
    await see(page, 'submitted', 'Hi')
    await page.click('#stop')
    await lastExchange().closedByReader
    await see(page, 'ready', 'Hi')
  })

  test('shows the same in two tabs, live, and either can stop it', async () => {
    stage.upstream.script(inTwoParts, 'm')
    const chat = `chat ${++chats}`
    const first = await open(chat)
    await first.click('#send')
    await see(first, 'streaming', 'Hi', 'One two')
    const second = await context.newPage()
    await second.goto(`${origin}/#${chat}`)
    await see(second, 'streaming', 'Hi', 'One two')
    lastExchange().pass()
    for (const tab of [first, second]) await see(tab, 'ready', 'Hi', 'One two three')

    stage.upstream.script(thenSilent(1), 'm')
    await second.click('#send')
    await see(second, 'streaming', 'Hi', 'One two three', 'Hi', ' token')
    await first.reload()
    await see(first, 'streaming', 'Hi', 'One two three', 'Hi', ' token')
    await first.click('#stop')
    await lastExchange().closedByReader
    for (const tab of [first, second]) await see(tab, 'ready', 'Hi', 'One two three', 'Hi', ' token')
  })
})
