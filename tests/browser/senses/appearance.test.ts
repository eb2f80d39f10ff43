import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { chinese } from '../../../src/pages/words/chinese.ts'
import { answering, pausing, toTokens } from './catalog.ts'
import { richAnswer } from './rich-answer.ts'
import { ask, lastAnswer, model, usePage, waitForEnd } from './use-page.ts'

const stage = usePage()

/** How light what is behind the text is: 0 black, 255 white. */
const lightness = (page: Page) =>
  page.evaluate(() => {
    const [red = 0, green = 0, blue = 0] = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g)!.map(Number)
    return (red + green + blue) / 3
  })

test('it is as dark as the system, until its reader chooses; the choice is kept', async () => {
  const page = await stage.visit({ colorScheme: 'dark' })
  expect(await lightness(page)).toBeLessThan(50)
  await page.emulateMedia({ colorScheme: 'light' })
  expect(await lightness(page)).toBeGreaterThan(200)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByText('Dark', { exact: true }).click()
  await expect.poll(() => lightness(page)).toBeLessThan(50)
  await page.reload()
  await page.locator('#message').waitFor()
  await expect.poll(() => lightness(page)).toBeLessThan(50)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByText('System', { exact: true }).click()
  await expect.poll(() => lightness(page)).toBeGreaterThan(200)
})

test('it speaks the language of the browser, until its reader chooses; the choice is kept, and changes what is there already', async () => {
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

test('who wants no motion gets none, wherever one is while others see it', async () => {
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

test('twice as large a text breaks nothing: all that can be pressed is there, and nothing runs out of the window', async () => {
  stage.upstream.script(answering(...toTokens(richAnswer)), model)
  const page = await stage.visit()
  // Zooming by 200 % is half of the window for the page.
  await page.setViewportSize({ width: 640, height: 400 })
  await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
  await ask(page, 'Explain binary search')
  await waitForEnd(page)
  const lost = await page.evaluate(() => {
    const { clientWidth, clientHeight, scrollWidth } = document.documentElement
    const isOut = (element: Element) => {
      const { left, right, bottom } = element.getBoundingClientRect()
      const scrolls = element.closest('.scroller, dialog') !== null
      return left < -0.5 || right > clientWidth + 0.5 || (!scrolls && bottom > clientHeight + 0.5)
    }
    const controls = [...document.querySelectorAll('button, textarea, input')].filter((one) => one.checkVisibility())
    return [scrollWidth - clientWidth, ...controls.filter(isOut).map((one) => one.outerHTML.slice(0, 120))]
  })
  expect(lost).toEqual([0])
  const room = await page.locator('.scroller').boundingBox()
  expect(room!.height).toBeGreaterThan(80)
})
