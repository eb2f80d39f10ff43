import { build } from 'esbuild'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Chat, Message } from '../../../src/pages/chats/chat.ts'
import type { History } from '../../../src/pages/chats/history.ts'
import { launchChromium } from '../../browser/chromium.ts'

/** What a tab of the test has: the history, and what it heard of other tabs. */
declare const tab: { history: History; heard: [id: string, title: string | undefined][] }

const entry = `
import { createHistory } from './history.ts'
const history = createHistory()
const heard = []
history.onChange((id, chat) => heard.push([id, chat?.title]))
globalThis.tab = { history, heard }
`

let site: http.Server
let browser: Browser
let context: BrowserContext
let url: string

beforeAll(async () => {
  const resolveDir = fileURLToPath(new URL('../../../src/pages/chats/', import.meta.url))
  const { outputFiles } = await build({ stdin: { contents: entry, resolveDir }, bundle: true, write: false, format: 'iife' })
  site = http.createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><title>A tab</title><script>${outputFiles[0]!.text}</script>`)
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`
  browser = await launchChromium()
}, 60_000)
afterAll(async () => {
  await browser?.close()
  site?.close()
})
beforeEach(async () => {
  context = await browser.newContext()
})
afterEach(() => context.close())

async function openTab(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const message: Message = {
  id: 'a',
  parent: '',
  createdAt: 1,
  updatedAt: 1,
  role: 'assistant',
  text: 'Hi',
  end: { how: 'done' },
}
const unended: Message = { id: 'a', parent: '', createdAt: 1, updatedAt: 1, role: 'assistant', text: 'Half' }

function toChat(id: string, more: Partial<Chat> = {}): Chat {
  return { id, title: id, createdAt: 1, updatedAt: 1, settings: {}, messages: { a: message }, chosen: {}, ...more }
}

const save = (page: Page, ...chats: Chat[]) =>
  page.evaluate(async (chats) => {
    for (const chat of chats) tab.history.save(chat)
    await tab.history.flush()
  }, chats)
const all = (page: Page) => page.evaluate(async () => (await tab.history.all()) as Chat[])
const problem = (page: Page) => page.evaluate(() => tab.history.problem.value)
const heard = (page: Page) => page.evaluate(() => tab.heard)

test('what is kept is there after a reload', async () => {
  const page = await openTab()
  await save(page, toChat('one'), toChat('two'))
  await page.reload()
  expect(await all(page)).toEqual([toChat('one'), toChat('two')])
  expect(await problem(page)).toBeUndefined()
})

test('of many saves at once the last of each chat is kept', async () => {
  const page = await openTab()
  await save(page, ...Array.from({ length: 50 }, (_, i) => toChat('one', { title: `${i}`, updatedAt: i + 1 })), toChat('two'))
  expect(await all(page)).toEqual([toChat('one', { title: '49', updatedAt: 50 }), toChat('two')])
})

test('two tabs that write into one chat lose nothing, and hear of each other', async () => {
  const [left, right] = [await openTab(), await openTab()]
  const toMine = (id: string, at: number) => toChat('one', { title: id, updatedAt: at, messages: { [id]: { ...message, id } } })
  await Promise.all([
    save(left, ...Array.from({ length: 20 }, (_, i) => toMine(`l${i}`, i + 1))),
    save(right, ...Array.from({ length: 20 }, (_, i) => toMine(`r${i}`, i + 1))),
  ])
  // Saves that wait for each other are one: the last of a tab has all that it knows, as the page's have.
  const [kept] = await all(left)
  expect(Object.keys(kept!.messages)).toEqual(expect.arrayContaining(['l19', 'r19']))
  expect(await all(right)).toEqual([kept])
  for (const page of [left, right]) await expect.poll(() => heard(page)).not.toEqual([])
})

test('a chat that another tab has removed is not brought back by what this one still has', async () => {
  const [left, right] = [await openTab(), await openTab()]
  await save(left, toChat('one'))
  await right.evaluate(() => tab.history.remove('one'))
  await expect.poll(() => heard(left)).toContainEqual(['one', undefined])
  await save(left, toChat('one', { updatedAt: Date.now(), title: 'Again' }))
  expect(await all(left)).toEqual([])
})

test('a removed chat comes back from a file', async () => {
  const page = await openTab()
  await save(page, toChat('one'))
  await page.evaluate(() => tab.history.remove('one'))
  await page.evaluate((chat) => tab.history.restore(chat), toChat('one'))
  expect(await all(page)).toEqual([toChat('one')])
})

test('all are removed at once', async () => {
  const page = await openTab()
  await save(page, toChat('one'), toChat('two'))
  await page.evaluate(() => tab.history.removeAll())
  await page.reload()
  expect(await all(page)).toEqual([])
})

test('an answer that was being written when its tab was reloaded is interrupted', async () => {
  const page = await openTab()
  await save(page, toChat('one', { messages: { a: unended } }))
  await page.reload()
  const [chat] = await all(page)
  expect(chat!.messages.a).toEqual({ ...unended, end: { how: 'interrupted' } })
})

test('an answer that another tab is writing is not', async () => {
  const [left, right] = [await openTab(), await openTab()]
  await save(left, toChat('one', { messages: { a: unended } }))
  expect((await all(right))[0]!.messages.a).toEqual(unended)
  await save(left, toChat('one', { messages: { a: { ...message, updatedAt: 2 } } }))
  expect((await all(right))[0]!.messages.a).toEqual({ ...message, updatedAt: 2 })
})

test('where nothing can be kept it says so, and nothing rejects', async () => {
  await context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError')
    }
  })
  const page = await openTab()
  await save(page, toChat('one'))
  expect(await problem(page)).toBe('denied')
  expect(await all(page)).toEqual([])
  await page.evaluate(() => tab.history.remove('one'))
})

test('where there is no more room it says so, and is well again once there is', async () => {
  await context.addInitScript(() => {
    const { put } = IDBObjectStore.prototype
    IDBObjectStore.prototype.put = function (...args) {
      if (location.hash === '#full') throw new DOMException('full', 'QuotaExceededError')
      return put.apply(this, args)
    }
  })
  const page = await openTab()
  await page.goto(`${url}#full`)
  await save(page, toChat('one'))
  expect(await problem(page)).toBe('full')
  await page.goto(url)
  await save(page, toChat('two'))
  expect(await problem(page)).toBeUndefined()
  expect(await all(page)).toEqual([toChat('two')])
})
