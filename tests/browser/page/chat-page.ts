import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** The chat page. Tests find its elements by the names that a user sees. */
export interface ChatPage {
  readonly page: Page
  readonly field: Locator
  readonly stop: Locator
  /** `index` starts at 0. A negative `index` counts from the end. */
  answer(index?: number): Locator
  question(index?: number): Locator
  button(name: string | RegExp): Locator
  /** An entry in the list of chats. */
  row(title: string): Locator
  readonly rows: Locator
  readonly dialog: Locator
  /** Writes a message and sends it. */
  ask(question: string): Promise<void>
  /** Waits until no answer is being written. */
  settled(): Promise<void>
  /** Waits until all writes are on the disk, then reloads the page. */
  reload(): Promise<void>
  newChat(): Promise<void>
  openChat(title: string): Promise<void>
  chooseModel(name: string): Promise<void>
  /** Opens and returns the dialog with the chat's options. */
  openOptions(): Promise<Locator>
  openSettings(): Promise<Locator>
}

const limitMs = 8000

export function toChatPage(page: Page): ChatPage {
  page.setDefaultTimeout(limitMs)
  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true })
  const field = page.getByRole('textbox', { name: 'Message', exact: true })
  const rows = page.getByRole('navigation', { name: 'Chats' }).getByRole('listitem')
  const row = (title: string) => rows.filter({ hasText: title })
  const dialog = page.locator('dialog.dialog')
  return {
    page,
    field,
    stop: button('Stop'),
    answer: (index = -1) => page.getByRole('log').locator('article.answer').nth(index),
    question: (index = -1) => page.getByRole('log').locator('article.question').nth(index),
    button,
    row,
    rows,
    dialog,
    async ask(question) {
      await field.fill(question)
      await field.press('Enter')
      await page.locator('article.question').filter({ hasText: question }).last().waitFor()
    },
    async settled() {
      await page.locator('article.answer[aria-busy=false]').last().waitFor()
      await page.locator('article.answer[aria-busy=true]').waitFor({ state: 'detached' })
    },
    async reload() {
      await page.evaluate(waitForDisk)
      await page.reload()
    },
    newChat: () => button('New chat').click(),
    openChat: (title) => row(title).getByRole('button').first().click(),
    async chooseModel(name) {
      await page.locator('.model-button').click()
      await page.getByRole('option', { name: new RegExp(`^${name}`) }).click()
    },
    async openOptions() {
      await button('Options of this chat').click()
      return dialog
    },
    async openSettings() {
      await button('Settings').click()
      return dialog
    },
  }
}

/** Waits until a part of the page shows this text. Line breaks do not matter. */
export async function see(part: Locator, text: string | RegExp): Promise<void> {
  const said = expect.poll(() => read(part), { timeout: limitMs, interval: 20 })
  await (typeof text === 'string' ? said.toContain(text) : said.toMatch(text))
}

/** Returns the text of a part of the page, in one line. */
export async function read(part: Locator): Promise<string> {
  return (await part.innerText()).replaceAll(/\s+/g, ' ')
}

/** Makes a chat of one question and its answer. */
export async function chat({ newChat, ask, settled }: ChatPage, question: string): Promise<void> {
  await newChat()
  await ask(question)
  await settled()
}

/** Chooses an item from the menu of a chat in the list. */
export async function choose({ row, page }: ChatPage, title: string, item: 'Rename' | 'Delete'): Promise<void> {
  await row(title).hover()
  await row(title).getByRole('button', { name: 'Actions for' }).click()
  await page.getByRole('menuitem', { name: item }).click()
}

/**
 * Blocks all writes to the disk with an open transaction. The transaction ends when the page
 * closes, or when the test calls the returned function.
 */
export async function keepDiskBusy(page: Page): Promise<() => Promise<void>> {
  const ending = await page.evaluateHandle(
    () =>
      new Promise<AbortController>((resolve) => {
        const busy = new AbortController()
        const opening = indexedDB.open('sluice')
        opening.addEventListener('success', () => {
          const store = opening.result.transaction('chats', 'readwrite').objectStore('chats')
          const ask = () =>
            store.get('').addEventListener('success', () => {
              resolve(busy)
              if (!busy.signal.aborted) ask()
            })
          ask()
        })
      }),
  )
  return () => ending.evaluate((busy) => busy.abort())
}

/** Waits for a new transaction, which begins only when the earlier ones have ended. */
function waitForDisk(): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('sluice')
    opening.addEventListener('error', () => reject(opening.error!))
    opening.addEventListener('success', () => {
      const transaction = opening.result.transaction('chats', 'readwrite')
      transaction.objectStore('chats').count()
      transaction.addEventListener('complete', () => {
        opening.result.close()
        resolve()
      })
    })
  })
}
