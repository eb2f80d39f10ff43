import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { lastAnswer, waitForEnd } from '../visit.ts'
import { answering, pausing } from './catalog.ts'
import { usePage } from './use-page.ts'

const stage = usePage()

interface Stop {
  /** Role and name, as a screen reader reads them. */
  readonly name: string
  /** Whether the focus is visible. */
  readonly isSeen: boolean
}

/**
 * Returns the element with the focus. Its focus is visible if the element or its container has a
 * focus ring.
 */
function toStop(page: Page): Promise<Stop> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement
    const role = element.getAttribute('role') ?? element.localName
    const name =
      element.getAttribute('aria-label') ?? ((element as HTMLInputElement).labels?.[0]?.innerText || element.innerText.trim())
    const isFramed = (one: Element) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one)
      return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none'
    }
    const holder = element.closest('form.composer, label.search, .choice label, .question.is-edited') ?? element
    const { width, height, top, left } = element.getBoundingClientRect()
    const isInside = width > 0 && height > 0 && top >= 0 && left >= 0 && top < innerHeight && left < innerWidth
    return { name: `${role}: ${name}`, isSeen: isInside && (isFramed(element) || isFramed(holder)) }
  })
}

/**
 * Presses Tab (or Shift-Tab) until the element with this name has the focus. Fails if the focus is
 * invisible on any element on the way, or if no element with this name is reached.
 */
async function tabTo(page: Page, name: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const passed: string[] = []
  while (passed.length < 60) {
    await page.keyboard.press(key)
    const stop = await toStop(page)
    expect(stop, `after ${passed.join(' → ')}`).toEqual({ name: stop.name, isSeen: true })
    if (name.test(stop.name)) return
    passed.push(stop.name)
  }
  throw new Error(`Cannot find ${name}: there are ${passed.join(' → ')}`)
}

const focused = async (page: Page) => (await toStop(page)).name

test('a whole conversation needs no pointer, and the focus is seen at every stop', async () => {
  stage.upstream.script(answering('The ', '**first** ', 'answer.'), 'gemma3:4b')
  const page = await stage.visit()
  await page.locator('.starters').waitFor()
  expect(await focused(page)).toBe('textarea: Message')

  // Pick a model.
  await tabTo(page, /^button: Model: qwen3:8b/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await expect.poll(() => focused(page)).toBe('combobox: Find a model')
  await page.keyboard.press('ArrowDown')
  await expect.poll(() => page.locator('.option.is-active').innerText()).toContain('gemma3:4b')
  await page.keyboard.press('Enter')
  await expect.poll(() => focused(page)).toBe('textarea: Message')

  // Send.
  await page.keyboard.type('First question')
  await page.keyboard.press('Enter')
  await waitForEnd(page)
  expect(await lastAnswer(page).innerText()).toContain('The first answer.')

  // Send, then stop.
  stage.upstream.script(pausing('Only the beginning'), 'gemma3:4b')
  await page.keyboard.type('Second question')
  await page.keyboard.press('Enter')
  await lastAnswer(page).getByText('Only the beginning').waitFor()
  await tabTo(page, /^button: Stop/)
  await page.keyboard.press('Enter')
  await waitForEnd(page)
  expect(await lastAnswer(page).innerText()).toContain('Stopped')
  await expect.poll(() => focused(page)).toBe('textarea: Message')

  // Retry.
  stage.upstream.script(answering('Another one.'), 'gemma3:4b')
  await tabTo(page, /^button: Try again/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await lastAnswer(page).getByText('Another one.').waitFor()
  await waitForEnd(page)

  // Branch: go back to the stopped answer. The focus stays on the button.
  await tabTo(page, /^button: Version before/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await lastAnswer(page).getByText('Only the beginning').waitFor()
  await tabTo(page, /^button: Version after/)
  await page.keyboard.press('Enter')
  await lastAnswer(page).getByText('Another one.').waitFor()

  // Edit, first without a change, then with another text.
  await tabTo(page, /^button: Edit/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  expect(await focused(page)).toBe('textarea: Edit the message')
  await page.keyboard.press('Escape')
  await expect.poll(() => focused(page)).toBe('button: Edit')
  await page.keyboard.press('Enter')
  await page.keyboard.type(', in other words')
  await page.keyboard.press('Enter')
  await page.getByText('Second question, in other words').first().waitFor()
  await waitForEnd(page)
  await expect.poll(() => focused(page)).toBe('textarea: Message')

  // Open options and settings, and return to the starting point.
  await tabTo(page, /^button: Options of this chat/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await tabTo(page, /^input: Temperature/)
  await page.keyboard.type('0.3')
  await page.keyboard.press('Escape')
  await expect.poll(() => focused(page)).toBe('button: Options of this chat')
  await tabTo(page, /^button: Settings/, 'Shift+Tab')
  await page.keyboard.press('Space')
  await page.getByRole('dialog').waitFor()
  await tabTo(page, /^input: (?:System|Light|Dark)/)
  await page.keyboard.press('ArrowRight')
  await expect.poll(() => page.evaluate(() => document.documentElement.style.colorScheme)).toBe('light')
  await page.keyboard.press('Escape')
  await expect.poll(() => focused(page)).toBe('button: Settings')

  // Rename.
  await tabTo(page, /^button: Actions for/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await expect.poll(() => focused(page)).toBe('menuitem: Rename')
  await page.keyboard.press('Enter')
  await expect.poll(() => focused(page)).toBe('input: Title')
  await page.keyboard.type('A better name')
  await page.keyboard.press('Enter')
  await page.locator('.chat-open', { hasText: 'A better name' }).waitFor()
  await expect.poll(() => focused(page)).toBe('button: Actions for “A better name”')

  // Delete: Escape cancels, the button confirms.
  for (const key of ['Escape', 'Enter']) {
    await page.keyboard.press('Enter')
    await expect.poll(() => focused(page)).toBe('menuitem: Rename')
    await page.keyboard.press('ArrowDown')
    expect(await focused(page)).toBe('menuitem: Delete')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    if (key === 'Enter') await tabTo(page, /^button: Delete/)
    await page.keyboard.press(key)
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    if (key === 'Escape') await expect.poll(() => focused(page)).toBe('button: Actions for “A better name”')
  }
  await page.getByText('Chats that you begin appear here.').waitFor()
  await expect.poll(() => focused(page)).toBe('textarea: Message')
})

test('Tab goes round the whole page in the order of reading, and the first stop leads to the message field', async () => {
  const page = await stage.visit()
  await page.locator('.starters').waitFor()
  await tabTo(page, /^a: Skip/, 'Shift+Tab')
  const stops = ['Skip to the message field']
  for (let name = ''; name !== 'textarea: Message' && stops.length < 40; stops.push(name.replace(/^\w+: |\n.*/g, ''))) {
    await page.keyboard.press('Tab')
    name = await focused(page)
  }
  expect(stops).toEqual([
    'Skip to the message field',
    'Hide chats',
    'New chat',
    'Search chats',
    'Settings',
    'Model: qwen3:8b',
    'Options of this chat',
    'Explain an idea',
    'Write some code',
    'Polish a text',
    'Plan something',
    'Message',
  ])
  await tabTo(page, /^a: Skip/, 'Shift+Tab')
  await page.keyboard.press('Enter')
  expect(await focused(page)).toBe('textarea: Message')
})

test.each(['Options of this chat', 'Settings'])('“%s” opens before the `close` event of the dialog before it', async (name) => {
  const page = await stage.visit()
  await page.getByRole('button', { name: 'Options of this chat' }).click()
  await page.getByRole('dialog', { name: 'Options of this chat' }).waitFor()
  const button = page.getByRole('button', { name, includeHidden: true })
  await button.evaluate((next: HTMLElement) => {
    const before = document.querySelector<HTMLDialogElement>('dialog.dialog[open]')!
    const told = new Promise((resolve) => before.addEventListener('close', resolve))
    before.close()
    next.focus()
    next.click()
    return told.then(() => new Promise(requestAnimationFrame))
  })
  await page.getByRole('dialog', { name }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await expect.poll(() => focused(page)).toBe(`button: ${name}`)
})
