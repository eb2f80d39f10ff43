import type { Browser } from 'playwright-core'
import { assets } from '../../src/generated/assets.ts'
import { launchChromium } from '../../tests/browser/chromium.ts'
import { listModels } from '../../tests/browser/senses/catalog.ts'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { startServer } from '../../tests/runtimes/server.ts'
import type { Measure } from '../measure.ts'
import { toLongAnswer } from '../../tests/lab/long-answer.ts'
import { watchPage, type Watched } from '../../tests/lab/watch-page.ts'
import { percentile } from '../../tests/lab/percentile.ts'

const VISITS = 7
const TOKENS = 10_000
const TOKENS_PER_SECOND = 2_000
const MODEL = 'qwen3:8b'
const LIMIT_MS = 60_000

/**
 * Returns the total size of the matching files, gzipped as they are sent, in kilobytes (1,000
 * bytes).
 */
function toKb(path: RegExp): number {
  const files = assets.filter((asset) => path.test(asset.path))
  return files.reduce((sum, { gzip }) => sum + Buffer.from(gzip, 'base64').length, 0) / 1000
}

/**
 * Returns the milliseconds from the request for the page to the first paint, in a browser without
 * a cache.
 */
async function measurePaint(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  await page.goto(url)
  await page.locator('.starters').waitFor()
  const ms = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN)
  await context.close()
  return ms
}

async function watchAnswer(browser: Browser, url: string): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  await page.goto(url)
  await page.locator('.starters').waitFor()
  await page.evaluate(watchPage)
  await page.locator('#message').fill('Write much')
  await page.keyboard.press('Enter')
  await page.locator('article.is-last[aria-busy="false"] .actions').waitFor({ timeout: LIMIT_MS })
  const watched = await page.evaluate(() => (globalThis as unknown as { watched: Watched }).watched)
  await context.close()
  return watched
}

/** Measures the chat page in a real browser, which shares the machine with the server. */
export const page: Measure = {
  name: 'page',
  title: `the chat page in Chromium: files gzipped; first paint, median of ${VISITS} first visits; then ${TOKENS.toLocaleString('en')} tokens of Markdown at ${TOKENS_PER_SECOND.toLocaleString('en')}/s, from a chunk’s arrival in the page to the document that the frame paints`,
  columns: [
    { key: 'pageKb', title: 'page kB', digits: 1 },
    { key: 'clientKb', title: 'client kB', digits: 2 },
    { key: 'paint', title: 'first paint ms' },
    { key: 'pixelsP50', title: 'to pixels p50 ms', digits: 1 },
    { key: 'pixelsP95', title: 'p95 ms', digits: 1 },
    { key: 'pixelFrames', title: 'p95 frames' },
    { key: 'frameP95', title: 'frame p95 ms', digits: 1 },
    { key: 'longTasks', title: 'tasks > 50 ms, % of frames', digits: 1 },
  ],
  rows: ['sluice-node'],
  async run(lab, names) {
    if (!names.includes('sluice-node')) return {}
    const answer = toLongAnswer(TOKENS)
    const upstream = await startUpstream()
    listModels(upstream)
    upstream.script(tokens({ count: answer.length, perSecond: TOKENS_PER_SECOND, text: (index) => answer[index] ?? '' }), MODEL)
    const server = await startServer('node', { OLLAMA_HOST: upstream.url })
    try {
      const browser = await launchChromium()
      const paints: number[] = []
      // The time of the first visit is dropped, because the browser itself is still starting.
      await measurePaint(browser, server.url)
      for (let visit = 0; visit < VISITS; visit++) paints.push(await measurePaint(browser, server.url))
      const { delaysMs, delaysFrames, framesMs, longTasksMs } = await watchAnswer(browser, server.url)
      await browser.close()
      return {
        'sluice-node': {
          // The files that a first visit in Chinese loads. Chinese is the larger of the two
          // languages.
          pageKb: toKb(/^\/$|^\/assets\/(?:page|theme|chunk|chinese)-/),
          clientKb: toKb(/^\/client\.js$/),
          paint: percentile(paints, 50),
          pixelsP50: percentile(delaysMs, 50),
          pixelsP95: percentile(delaysMs, 95),
          pixelFrames: percentile(delaysFrames, 95),
          frameP95: percentile(framesMs, 95),
          longTasks: (longTasksMs.length / framesMs.length) * 100,
        },
      }
    } catch (error) {
      lab.failures.push(`page: ${String(error)}`)
      return {}
    } finally {
      await server.stop()
      await upstream.close()
    }
  },
}
