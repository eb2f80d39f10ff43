import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { launchChromium } from '../browser/chromium.ts'
import { waitForEnd } from '../browser/visit.ts'
import { startServer } from '../runtimes/server.ts'
import { toFilm, type Frame } from './film.ts'

/**
 * The second part of `npm run screenshots`: films the chat page of the real demo, for the first
 * screen of the README. The film is as fast as what happened.
 */
const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
const most = 280_000
const scale = 1.5
const viewport = { width: 800, height: 700 }
const frameMs = 200
/** How long a viewer has for a finished answer. */
const readingMs = 2500
const title = 'The chat page of the demo: an answer arrives token by token, and then one that fails and says so'

mkdirSync(folder, { recursive: true })
await import('../../build/build.ts')
const browser = await launchChromium()

/** Takes screenshots, one after the other, until the work is done. */
async function film(page: Page, work: () => Promise<void>): Promise<Frame[]> {
  const frames: Frame[] = []
  const startMs = performance.now()
  const done = work().then(() => true)
  let isDone = false
  while (!isDone) {
    const atMs = Math.round(performance.now() - startMs)
    frames.push({ png: await page.screenshot(), atMs })
    const restMs = Math.max(0, startMs + atMs + frameMs - performance.now())
    isDone = await Promise.race([done, page.waitForTimeout(restMs).then(() => false)])
  }
  frames.push({ png: await page.screenshot(), atMs: Math.round(performance.now() - startMs) })
  return frames
}

async function ask(page: Page, question: string) {
  await page.locator('#message').pressSequentially(question, { delay: 40 })
  await page.keyboard.press('Enter')
}

for (const colorScheme of ['light', 'dark'] as const) {
  // A new server loads its model, and the page shows that.
  const server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
  const context = await browser.newContext({
    locale: 'en-US',
    viewport,
    deviceScaleFactor: scale,
    colorScheme,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  await page.goto(`${server.url}/`)
  await page.locator('#message').waitFor()
  const frames = await film(page, async () => {
    await ask(page, 'What is Sluice?')
    await waitForEnd(page)
    await page.waitForTimeout(readingMs)
    await page.keyboard.press('Control+Shift+O')
    await ask(page, 'And if it breaks? /fail after 9')
    await page.locator('.is-failure').waitFor()
  })
  await context.close()
  await server.stop()
  // Letters need few colours. With more of them, the pictures of the page are truer, and larger.
  const films = [96, 64, 48, 32].map((colours) => toFilm(frames, { scale, restMs: readingMs, title, colours }))
  const svg = films.find(({ length }) => length <= most)
  console.log(`moving-${colorScheme}.svg: ${frames.length} frames, ${films.map(({ length }) => length).join(', ')} bytes`)
  if (svg === undefined) throw new Error(`No film has at most ${most} bytes`)
  writeFileSync(`${folder}moving-${colorScheme}.svg`, svg)
}

await browser.close()
