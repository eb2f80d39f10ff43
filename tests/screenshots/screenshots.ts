import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from '../browser/chromium.ts'
import { answering, end, listModels, model, toTokens, writePiecesTo } from '../browser/senses/catalog.ts'
import { richAnswer, shortAnswer, shortChinese } from '../browser/senses/rich-answer.ts'
import { example } from '../browser/status/example.ts'
import { ask, waitForEnd } from '../browser/visit.ts'
import { ndjson, pause } from '#fake-ollama/scripts.ts'
import { startUpstream, type Exchange } from '#fake-ollama/upstream.ts'
import { startServer } from '../runtimes/server.ts'

/**
 * `npm run screenshots`: takes the images of docs/screenshots again. They show the real pages with
 * an Ollama whose answers never change. Arguments are the names of the images to take.
 */
const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
const only = process.argv.slice(2)
const desktop = { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 }
const today = Date.UTC(2026, 10, 25, 9)
const dayMs = 24 * 60 * 60 * 1000
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

if (!execFileSync('fc-list', [':lang=zh'], { encoding: 'utf8' }).trim()) {
  console.error('No font here has Chinese characters: apt-get install fonts-noto-cjk')
  process.exit(1)
}
mkdirSync(folder, { recursive: true })
await import('../../build/build.ts')
const upstream = await startUpstream()
listModels(upstream)
const server = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_LOG: 'silent' })
const browser = await launchChromium()

/** Opens the page as a new visitor, brings it into the right state, and takes the screenshot. */
async function take(name: string, options: BrowserContextOptions, go: (page: Page) => Promise<unknown>) {
  if (only.length > 0 && !only.includes(name)) return
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  await page.addInitScript(alwaysTheSameIds)
  // In the page, time must never go back, so the clock starts before the oldest chat.
  await page.clock.setFixedTime(today - 7 * dayMs)
  await page.goto(`${server.url}/`)
  await page.locator('#message').waitFor()
  await page.clock.setFixedTime(today)
  await go(page)
  await page.mouse.move(0, 0)
  await page.screenshot({ path: `${folder}${name}.png` })
  await context.close()
}

/** Runs in the page. It replaces the random ids with fixed ids, because one id is visible. */
function alwaysTheSameIds() {
  let seed = 7
  crypto.getRandomValues = <T>(array: T): T => {
    const bytes = array as Uint8Array
    for (let index = 0; index < bytes.length; index++) bytes[index] = (seed = (seed * 48_271) % 2_147_483_647) >> 8
    return array
  }
}

const say = (script: Parameters<typeof upstream.script>[0]) => upstream.script(script, model)
const toTop = (page: Page) => page.locator('article').first().scrollIntoViewIfNeeded()

/** Thinks for as long as a model would. */
async function think(exchange: Exchange) {
  await pause(exchange, 600)
  exchange.head(200, ndjson)
  writePiecesTo(exchange, [{ thinking: '…' }])
  await pause(exchange, 1800)
}

/**
 * Makes the chats of earlier days (`before` starts with the latest), and one chat that stays open.
 */
async function chat(page: Page, before: readonly string[], question: string, text: string) {
  say(answering(...toTokens(text)))
  for (const [index, asked] of [...before.entries()].toReversed()) {
    await page.clock.setFixedTime(today - Math.ceil(index * 0.7) * dayMs)
    await ask(page, asked)
    await waitForEnd(page)
    await page.keyboard.press('Control+Shift+O')
  }
  await page.clock.setFixedTime(today)
  say(async (exchange) => {
    await think(exchange)
    writePiecesTo(exchange, toTokens(text))
    end(exchange)
  })
  await ask(page, question)
  await waitForEnd(page)
  await toTop(page)
}

const english = [
  'Names for a sourdough starter',
  'Why is the sky blue?',
  'A week in Kyoto, in November',
  'Regex for an ISO date',
  'Letter to the landlord',
]
const chinese = ['给酸面种起个名字', '天空为什么是蓝色的？', '十一月在京都待一周', '匹配日期的正则', '给房东写封信']

await take('light', desktop, (page) => chat(page, english, 'Explain binary search', shortAnswer))
await take('dark', { ...desktop, colorScheme: 'dark' }, (page) => chat(page, english, 'Explain binary search', shortAnswer))
await take('phone', phone, (page) => chat(page, [], 'Explain binary search', richAnswer))
await take('chinese', { ...desktop, locale: 'zh-CN' }, (page) => chat(page, chinese, '讲讲二分查找', shortChinese))
await take('failure', desktop, async (page) => {
  say(async (exchange) => {
    await think(exchange)
    for (const token of toTokens('A binary search halves the range at every step, so a **sorted** list of a million')) {
      writePiecesTo(exchange, [token])
      await pause(exchange, 25)
    }
    exchange.chunk(`${JSON.stringify({ error: 'llama runner process has terminated: CUDA error: out of memory' })}\n`)
    exchange.end()
  })
  await ask(page, 'Explain binary search')
  await page.locator('.is-failure').waitFor()
})
await take('loading', desktop, async (page) => {
  listModels(
    upstream,
    // No model is in memory yet.
    [{ name: model, gigabytes: 5.2, parameters: '8.2B', quantization: 'Q4_K_M', capabilities: ['completion', 'thinking'] }],
  )
  say(() => {})
  await ask(page, 'Explain binary search')
  await page.getByText('Loading the model').waitFor()
  await page.getByText(/\b4 s\b/).waitFor()
})

const tall = { ...desktop, viewport: { width: 1280, height: 1150 } }
for (const [name, options] of [
  ['status', tall],
  ['status-dark', { ...tall, colorScheme: 'dark' }],
  ['status-chinese', { ...tall, locale: 'zh-CN' }],
  ['status-phone', phone],
] as const)
  await take(name, options, async (page) => {
    await page.route('**/status/data', (route) => route.fulfill({ json: example }))
    await page.goto(`${server.url}/status`)
    await page.locator('.row').first().waitFor()
  })

await browser.close()
await server.stop()
await upstream.close()
