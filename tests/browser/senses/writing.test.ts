import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { ask, lastAnswer, waitForEnd } from '../visit.ts'
import { answering, model, pausing } from './catalog.ts'
import { usePage } from './use-page.ts'

const stage = usePage()

/** Opens the page, and waits until its field has the focus, which comes after the first paint. */
async function visit(options?: Parameters<typeof stage.visit>[0]): Promise<Page> {
  const page = await stage.visit(options)
  await page.locator('#message:focus').waitFor()
  return page
}

/**
 * Simulates an input method with the events that Chromium reports: the composed text, the keys that
 * the input method handles, and the text that it inserts in the end.
 */
async function createInputMethod(page: Page) {
  const session = await page.context().newCDPSession(page)
  const type = (windowsVirtualKeyCode: number, key: string) =>
    session.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', windowsVirtualKeyCode, key, code: key })
  return {
    type,
    compose: (text: string) =>
      session.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length }),
    commit: (text: string) => session.send('Input.insertText', { text }),
  }
}

const questions = (page: Page) => page.locator('.bubble').allInnerTexts()

test('Enter sends, and Shift-Enter begins a line', async () => {
  stage.upstream.script(answering('Yes.'), model)
  const page = await visit()
  await page.keyboard.type('One line')
  await page.keyboard.press('Shift+Enter')
  await page.keyboard.type('and another')
  expect(await page.locator('#message').inputValue()).toBe('One line\nand another')
  expect(await questions(page)).toEqual([])
  await page.keyboard.press('Enter')
  await waitForEnd(page)
  expect(await questions(page)).toEqual(['One line\nand another'])
  expect(await page.locator('#message').inputValue()).toBe('')
  const { messages } = (await stage.asked()).json as { messages: { content: string }[] }
  expect(messages.map(({ content }) => content)).toEqual(['One line\nand another'])
})

test('Enter with nothing written, or only spaces, sends nothing', async () => {
  const page = await visit()
  await page.keyboard.press('Enter')
  await page.keyboard.type('  ')
  await page.keyboard.press('Enter')
  expect(await page.locator('article').count()).toBe(0)
})

test('Enter sends nothing while the input method composes, nor does the Enter that ends the composition', async () => {
  stage.upstream.script(answering('好。'), model)
  const page = await visit()
  const ime = await createInputMethod(page)
  await page.locator('#message').focus()
  await ime.compose('ni hao')
  await ime.type(13, 'Enter')
  expect(await page.locator('#message').inputValue()).toBe('ni hao')
  await ime.commit('你好')
  // Safari reports the end of a composition first, and then the key that caused it.
  await ime.type(229, 'Enter')
  expect(await page.locator('#message').inputValue()).toBe('你好')
  expect(await questions(page)).toEqual([])
  await page.keyboard.press('Enter')
  await waitForEnd(page)
  expect(await questions(page)).toEqual(['你好'])

  await page.getByRole('button', { name: 'Edit' }).click()
  await ime.compose('ma')
  await ime.type(13, 'Enter')
  await ime.type(229, 'Escape')
  await ime.commit('吗')
  const editor = page.getByRole('textbox', { name: 'Edit the message' })
  expect(await editor.inputValue()).toBe('你好吗')
  expect(await page.locator('article.answer').count()).toBe(1)
  await page.keyboard.press('Escape')
  await expect.poll(() => questions(page)).toEqual(['你好'])
})

test('Enter chooses no model while a Chinese search is being composed', async () => {
  const page = await visit()
  const ime = await createInputMethod(page)
  await page.getByRole('button', { name: /^Model/ }).click()
  await page.getByRole('combobox').waitFor()
  await ime.compose('gem')
  await ime.type(13, 'Enter')
  await ime.commit('gem')
  await ime.type(229, 'Enter')
  expect(await page.getByRole('combobox').isVisible()).toBe(true)
  await page.keyboard.press('Enter')
  await expect.poll(() => page.locator('.model-button').innerText()).toBe('gemma3:4b')
})

test('Escape stops the answer wherever the focus is, but not during a composition or with something open', async () => {
  stage.upstream.script(pausing('As far as it'), model)
  const page = await visit()
  await ask(page, 'Begin')
  await lastAnswer(page).getByText('As far as it').waitFor()
  const { exchange } = await stage.asked()
  const ime = await createInputMethod(page)

  await ime.compose('ni')
  await ime.type(27, 'Escape')
  await ime.commit('')
  await page.getByRole('button', { name: /^Model/ }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('combobox').waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  expect(exchange.isOpen).toBe(true)

  await page.evaluate(() => (document.activeElement as HTMLElement).blur())
  await page.keyboard.press('Escape')
  await exchange.closedByReader
  await waitForEnd(page)
  expect(await lastAnswer(page).innerText()).toMatch(/As far as it[\s\S]*Stopped/)
})

test.each(['Control', 'Meta'])(
  '%s-K focuses the search, also with the list hidden; the same key with Shift-O begins a chat',
  async (key) => {
    stage.upstream.script(answering('Here.'), model)
    const page = await visit()
    await ask(page, 'About boats')
    await waitForEnd(page)
    await page.getByRole('button', { name: 'Hide chats' }).click()
    await page.keyboard.press(`${key}+k`)
    const search = page.getByRole('searchbox')
    await expect.poll(() => search.evaluate((field) => field === document.activeElement)).toBe(true)
    await page.keyboard.type('cars')
    await page.getByText('No chat has this.').waitFor()
    await page.keyboard.press(`${key}+k`)
    await expect.poll(() => page.evaluate(() => getSelection()?.toString())).toBe('cars')
    await page.keyboard.type('boats')
    await page.locator('.chat-open').waitFor()

    await page.keyboard.press(`${key}+Shift+O`)
    await expect.poll(() => page.locator('article').count()).toBe(0)
    expect(await page.locator('#message').evaluate((field) => field === document.activeElement)).toBe(true)
  },
)
