import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { chinese } from '#page/words/chinese.ts'
import { english } from '#page/words/english.ts'
import type { Words } from '#page/words/english.ts'
import { findBarriers, type VisitOptions } from '../visit.ts'
import { toScreens } from './screens.ts'
import { usePage } from './use-page.ts'

const stage = usePage()
/** 320 px is also the width of a 1280 px window at a zoom of 400 %. */
const smallestPhone = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true }
const narrow = { viewport: { width: 390, height: 844 } }

/** Goes through all screens and collects the results of `find`. */
async function findOnAll(
  words: Words,
  options: VisitOptions,
  find: (page: Page) => Promise<readonly string[]>,
): Promise<Record<string, readonly string[]>> {
  // The browser logs every error status. Error statuses are expected in two cases: an answer is
  // stopped before its first token, or Ollama is unreachable.
  const page = await stage.visit({ expected: [/status of (?:499|50[234])/], ...options })
  const found: Record<string, readonly string[]> = {}
  for (const { name, enter, leave } of toScreens(stage, page, words)) {
    await enter()
    const what = await find(page)
    if (what.length > 0) found[name] = what
    await leave?.()
  }
  return found
}

describe('on every screen', { timeout: 60_000 }, () => {
  test('axe-core finds nothing, in light and in dark', async () => {
    const found = await findOnAll(english, {}, async (page) => {
      const inLight = await findBarriers(page)
      await page.emulateMedia({ colorScheme: 'dark' })
      const inDark = await findBarriers(page, ['color-contrast'])
      await page.emulateMedia({ colorScheme: 'light' })
      return [...inLight, ...inDark]
    })
    expect(found).toEqual({})
  })

  test('a reader of Chinese meets no English word, nothing is cut off in a narrow window, and axe-core finds nothing', async () => {
    const found = await findOnAll(chinese, { locale: 'zh-CN', ...narrow }, async (page) => [
      ...(await findEnglish(page)),
      ...(await findTooWide(page)),
      ...(await findBarriers(page)),
    ])
    expect(found).toEqual({})
  })

  test('on the smallest phone nothing is cut off, all can be touched, and axe-core finds nothing', async () => {
    const found = await findOnAll(english, smallestPhone, async (page) => [
      ...(await findTooWide(page)),
      ...(await findTooSmall(page)),
      ...(await findBarriers(page)),
    ])
    expect(found).toEqual({})
  })
})

/**
 * Latin words that a Chinese page may show: names, keys, and the texts of the tests themselves.
 */
const names =
  /^(?:Sluice|Ollama|Python|Transformer|GPU|Ctrl|Shift|Enter|Esc|English|qwen|gemma|llama|deepseek-r|nomic-embed-text|look_up)$/i

/**
 * Finds Latin text on the page, both visible text and text for screen readers. It ignores commands,
 * names of models, and text that a model wrote.
 */
async function findEnglish(page: Page): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const isShown = (element: Element) => element.checkVisibility({ visibilityProperty: true })
    const isOfModel = (element: Element) =>
      element.closest('pre, code, .prose table, .option-name, .option-facts, .model-button, .said') !== null
    const shown = [...document.body.querySelectorAll('*')].filter((element) => isShown(element) && !isOfModel(element))
    const named = shown.flatMap((element) =>
      ['aria-label', 'title', 'placeholder', 'alt', 'aria-description'].map((name) => element.getAttribute(name) ?? ''),
    )
    const written = shown.flatMap((element) =>
      [...element.childNodes].filter((node) => node instanceof Text).map((node) => node.data),
    )
    return [document.title, ...named, ...written]
  })
  const lang = await page.evaluate(() => document.documentElement.lang)
  const words = texts.flatMap((text) => text.match(/[A-Za-z][\w.:-]{2,}/g) ?? [])
  const foreign = [...new Set(words)].filter((word) => !names.test(word.replace(/[\d.:]+[a-z]?$/, '')))
  return lang === 'zh-CN' ? foreign : [...foreign, `lang is ${lang}`]
}

/**
 * Finds elements that make the page scroll sideways or are cut off at its side. It ignores elements
 * with their own scroll bar.
 */
function findTooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth
    const isInScroller = (element: Element) => element.closest('pre, .table, .hidden, [tabindex="0"]') !== null
    const isShown = (element: Element) => element.checkVisibility({ visibilityProperty: true })
    const wide = [...document.body.querySelectorAll('*')].filter((element) => {
      const { left, right } = element.getBoundingClientRect()
      return isShown(element) && !isInScroller(element) && (right > width + 0.5 || left < -0.5)
    })
    const found = wide.map((element) => `too wide: ${element.outerHTML.slice(0, 100)}`)
    const scrolled = document.documentElement.scrollWidth > width ? [`scrolls sideways: ${width}`] : []
    return [...scrolled, ...found]
  })
}

/**
 * Finds controls that are too small for a finger: less than 40 px high or wide, including their
 * label.
 */
function findTooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const modal = document.querySelector('dialog.dialog[open]') ?? document.querySelector('dialog[open]') ?? document
    const controls = [...modal.querySelectorAll<HTMLElement>('button, input, select, textarea, summary, [role="option"]')]
    return controls
      .filter((control) => control.checkVisibility({ visibilityProperty: true }) && !control.hidden)
      .map((control) => {
        const { width, height } = (control.closest('label') ?? control).getBoundingClientRect()
        return { text: `${Math.round(width)} × ${Math.round(height)}: ${control.outerHTML.slice(0, 80)}`, width, height }
      })
      .filter(({ width, height }) => width < 39.5 || height < 39.5)
      .map(({ text }) => text)
  })
}
