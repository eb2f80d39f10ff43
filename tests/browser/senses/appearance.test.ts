import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { chinese } from '#page/words/chinese.ts'
import { ask, lastAnswer, waitForEnd } from '../visit.ts'
import { answering, model, pausing, toTokens } from './catalog.ts'
import { richAnswer } from './rich-answer.ts'
import { usePage } from './use-page.ts'

const stage = usePage()

/** Returns the lightness of the background: 0 is black, 255 is white. */
const lightness = (page: Page) =>
  page.evaluate(() => {
    const [red = 0, green = 0, blue = 0] = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g)!.map(Number)
    return (red + green + blue) / 3
  })

test('the page follows the colour scheme of the system, until the user chooses one; the choice is kept', async () => {
  const page = await stage.visit({ colorScheme: 'dark' })
  expect(await lightness(page)).toBeLessThan(50)
  await page.emulateMedia({ colorScheme: 'light' })
  expect(await lightness(page)).toBeGreaterThan(200)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByText('Dark', { exact: true }).click()
  await expect.poll(() => lightness(page)).toBeLessThan(50)
  // The page is dark from the first paint on, before its own script has loaded.
  const gate = Promise.withResolvers<void>()
  await page.route('**/assets/page-*.js', async (route) => {
    await gate.promise
    await route.continue()
  })
  await page.reload({ waitUntil: 'commit' })
  await page.locator('.is-skeleton').first().waitFor()
  expect(await lightness(page)).toBeLessThan(50)
  gate.resolve()
  await page.locator('#message').waitFor()
  expect(await lightness(page)).toBeLessThan(50)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByText('System', { exact: true }).click()
  await expect.poll(() => lightness(page)).toBeGreaterThan(200)
})

test('the page is in the language of the browser, until the user chooses one; the choice is kept, and applies at once', async () => {
  stage.upstream.script(answering('**好。**行'), model)
  const page = await stage.visit({ locale: 'zh-TW' })
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN')
  await ask(page, '好吗？')
  await waitForEnd(page)
  await page.getByRole('button', { name: chinese.settings }).click()
  await page.getByText('English', { exact: true }).click()
  await page.getByRole('heading', { name: 'Settings' }).waitFor()
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('en')
  await page.keyboard.press('Escape')
  expect(await lastAnswer(page).innerText()).toMatch(/好。行[\s\S]* tokens/)
  await page.reload()
  await page.getByRole('button', { name: 'Settings' }).waitFor()
})

test('with reduced motion nothing is animated that is animated without it', async () => {
  stage.upstream.script(pausing(), model)
  const running = (page: Page) => page.evaluate(() => document.getAnimations().length)
  const [calm, lively] = [await stage.visit(), await stage.visit({ reducedMotion: 'no-preference' })]
  for (const page of [calm, lively]) {
    await ask(page, 'Hello')
    await page.locator('.waiting').waitFor()
  }
  expect(await running(lively)).toBeGreaterThan(0)
  expect(await running(calm)).toBe(0)
  await calm.getByRole('button', { name: 'Settings' }).click()
  expect(await running(calm)).toBe(0)
})

/** Sets the browser's text size, which is 16 px by default. */
async function setTextSize(page: Page, px: number) {
  const session = await page.context().newCDPSession(page)
  await session.send('Page.setFontSizes', { fontSizes: { standard: px, fixed: px } })
  await page.reload()
  await page.locator('#message').waitFor()
}

/** Finds controls outside the window, and elements whose content does not fit. */
const lost = (page: Page) =>
  page.evaluate(() => {
    const { clientWidth, clientHeight, scrollWidth } = document.documentElement
    const seen = [...document.body.querySelectorAll('*')].filter(
      (one) => one.checkVisibility() && !one.closest('.hidden, .skip'),
    )
    const isOut = (element: Element) => {
      const { left, right, bottom } = element.getBoundingClientRect()
      const scrolls = element.closest('.scroller, .welcome, .chat-list, dialog.dialog, [popover]') !== null
      return left < -0.5 || right > clientWidth + 0.5 || (!scrolls && bottom > clientHeight + 0.5)
    }
    const isCut = (element: Element) => {
      const { overflowX, overflowY, textOverflow } = getComputedStyle(element)
      const isClosed = (overflow: string, size: number, room: number) => overflow !== 'auto' && size > room + 1
      // A name that is too long may end in an ellipsis.
      const isTooWide = textOverflow !== 'ellipsis' && isClosed(overflowX, element.scrollWidth, element.clientWidth)
      return isTooWide || isClosed(overflowY, element.scrollHeight, element.clientHeight)
    }
    const isControl = (one: Element) => one.matches('button, textarea, input:not([hidden]), select, summary, a')
    const isBox = (one: Element) => one.matches('button, .label, .badge, .card, .chat-open span, header, h1, h2, .fine')
    // Parts that are read from top to bottom must not scroll sideways.
    const isWide = ({ scrollWidth, clientWidth }: Element) => scrollWidth > clientWidth
    const isPart = (one: Element) => one.matches('dialog, [popover], .scroller, .welcome, .chat-list')
    const bad = [
      ...seen.filter((one) => isControl(one) && isOut(one)),
      ...seen.filter((one) => isBox(one) && isCut(one)),
      ...seen.filter((one) => isPart(one) && isWide(one)),
    ]
    return [scrollWidth - clientWidth, ...bad.map((one) => one.outerHTML.slice(0, 160))]
  })

test.each([
  ['text in a window', { width: 1280, height: 800 }, 32],
  ['text on a phone', { width: 390, height: 844 }, 32],
  // A zoom of 200 % halves the width and the height of the page's window.
  ['everything', { width: 640, height: 400 }, 16],
])('with %s twice as large every control is in view, and nothing is cut off', async (_, viewport, px) => {
  stage.upstream.script(answering(...toTokens(richAnswer)), model)
  const page = await stage.visit({ viewport })
  await setTextSize(page, px)
  const textPx = () => page.locator('#message').evaluate((field) => Number.parseFloat(getComputedStyle(field).fontSize))
  expect(await textPx()).toBe(px)
  await expect.poll(() => lost(page)).toEqual([0])
  await ask(page, 'Explain binary search')
  await waitForEnd(page)
  await expect.poll(() => lost(page)).toEqual([0])
  const room = await page.locator('.scroller').boundingBox()
  expect(room!.height).toBeGreaterThan(80)
  await page.locator('.model-button').click()
  await page.getByRole('option').first().waitFor()
  await expect.poll(() => lost(page)).toEqual([0])
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Options of this chat' }).click()
  await page.getByRole('dialog').waitFor()
  await expect.poll(() => lost(page)).toEqual([0])
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Show chats' }).click()
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('dialog', { name: 'Settings' }).waitFor()
  await expect.poll(() => lost(page)).toEqual([0])
})
