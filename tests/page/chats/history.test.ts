import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Chat, Message } from '#page/chats/chat.ts'
import type { History } from '#page/chats/history.ts'
import { launchChromium } from '../../browser/chromium.ts'
import { startSite, type Site } from '../../browser/site.ts'

/** The globals of a tab: the history, the changes in other tabs, and how far its clock is ahead. */
declare const tab: { history: History; heard: [id: string, chat: Chat | undefined][]; aheadMs: number }

const entry = `
import { createSafeStorage } from '#page/storage/safe-storage.ts'
import { createHistory } from '#page/chats/history.ts'
import { createUnsavedChats } from '#page/chats/unsaved-chats.ts'
const unsavedChats = createUnsavedChats(createSafeStorage(window, 'localStorage'))
const tab = globalThis.tab = { history: createHistory(unsavedChats, () => Date.now() + tab.aheadMs), heard: [], aheadMs: 0 }
tab.history.onChange((id, chat) => tab.heard.push([id, chat]))
`

let site: Site
let browser: Browser
let context: BrowserContext
let url: string

beforeAll(async () => {
  const resolveDir = fileURLToPath(new URL('../../../packages/page/chats/', import.meta.url))
  const { outputFiles } = await build({ stdin: { contents: entry, resolveDir }, bundle: true, write: false, format: 'iife' })
  site = await startSite(() => `<!doctype html><title>A tab</title><script>${outputFiles[0]!.text}</script>`)
  url = `http://127.0.0.1:${site.port}/`
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

/**
 * Opens a tab. A tab with `#deaf` has no channel to the other tabs. A tab with `#full` cannot store
 * large chats if the test has called `failPutsOfMuch` before.
 */
async function openTab(how = ''): Promise<Page> {
  const page = await context.newPage()
  if (how === '#deaf') await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'BroadcastChannel'))
  await page.goto(url + how)
  return page
}

/**
 * Makes the store refuse large chats, as if the disk were full. Only tabs that are opened after
 * this call are affected, and only while their address ends in `#full`.
 */
const failPutsOfMuch = () =>
  context.addInitScript(() => {
    const { put } = IDBObjectStore.prototype
    IDBObjectStore.prototype.put = function (...args) {
      const isTooMuch = location.hash === '#full' && JSON.stringify(args[0]).length > 1000
      if (isTooMuch) throw new DOMException('full', 'QuotaExceededError')
      return put.apply(this, args)
    }
  })

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

const large = (id: string) => toChat(id, { title: 'x'.repeat(1000), updatedAt: 2 })

const save = (page: Page, ...chats: Chat[]) =>
  page.evaluate(async (chats) => {
    for (const chat of chats) tab.history.save(chat)
    await tab.history.flush()
  }, chats)
const all = (page: Page) => page.evaluate(async () => (await tab.history.all()) as Chat[])
const problem = (page: Page) => page.evaluate(() => tab.history.problem.value)
/** Returns all chats that are stored on the disk. */
const stored = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<unknown[]>((resolve, reject) => {
        const open = indexedDB.open('sluice')
        open.addEventListener('error', () => reject(open.error!))
        open.addEventListener('success', () => {
          const all = open.result.transaction('chats').objectStore('chats').getAll()
          all.addEventListener('success', () => resolve(all.result))
        })
      }),
  )
const heard = (page: Page) => page.evaluate(() => tab.heard)

test('saved chats are there after a reload', async () => {
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

test('two tabs that write into one chat at once lose nothing, and notify each other', async () => {
  const tabs = [await openTab(), await openTab()]
  const ids = await Promise.all(
    tabs.map((page, own) =>
      page.evaluate(
        async ([own, chat, message]) => {
          const ids: string[] = []
          for (let i = 0; i < 30; i++) {
            const id = `m${own}-${i}`
            ids.push(id)
            // Each tab saves only its own message, so the other tab's messages can only come from
            // the store.
            tab.history.save({ ...chat, updatedAt: i, messages: { [id]: { ...message, id } } })
            await tab.history.flush()
          }
          return ids
        },
        [own, toChat('one'), message] as const,
      ),
    ),
  )
  for (const [own, page] of tabs.entries()) {
    expect(Object.keys((await all(page))[0]!.messages).toSorted()).toEqual(ids.flat().toSorted())
    // A tab is not notified of its own writes. So the last change of which it was notified contains
    // all messages of the other tab.
    const heardIds = async () => Object.keys((await heard(page)).at(-1)?.[1]?.messages ?? {})
    await expect.poll(heardIds).toEqual(expect.arrayContaining(ids[1 - own]!))
  }
})

test('a chat that another tab has removed is not brought back by a tab that was not notified', async () => {
  const left = await openTab('#deaf')
  await save(left, toChat('one'))
  const right = await openTab()
  await right.evaluate(() => tab.history.remove('one'))
  await save(left, toChat('one', { updatedAt: Date.now(), title: 'Again' }))
  expect(await heard(left)).toEqual([['one', undefined]])
  expect(await all(left)).toEqual([])
  await right.reload()
  expect(await all(right)).toEqual([])
})

test('a tab is notified that a chat is removed, and drops the version that it could not store', async () => {
  await failPutsOfMuch()
  const left = await openTab('#full')
  const right = await openTab()
  await save(left, toChat('one'))
  await save(left, large('one'))
  expect(await all(left)).toMatchObject([{ title: large('one').title }])
  await right.evaluate(() => tab.history.remove('one'))
  await expect.poll(() => heard(left)).toContainEqual(['one', undefined])
  expect(await all(left)).toEqual([])
})

test('a removed chat comes back from a file, in any tab that knows that it was removed', async () => {
  const page = await openTab()
  await save(page, toChat('one'), toChat('two'))
  await page.evaluate(() => tab.history.remove('one'))
  await save(page, toChat('one'))
  expect(await all(page)).toHaveLength(2)
  await page.evaluate(() => tab.history.removeAll())
  await page.reload()
  expect(await all(page)).toEqual([])
  await save(page, toChat('two'))
  expect(await all(page)).toEqual([toChat('two')])
})

test('removeAll() removes all chats, in every tab', async () => {
  const [left, right] = [await openTab(), await openTab()]
  await save(left, toChat('one'), toChat('two'))
  await right.evaluate(() => tab.history.removeAll())
  await expect
    .poll(() => heard(left))
    .toEqual([
      ['one', undefined],
      ['two', undefined],
    ])
  await left.reload()
  expect(await all(left)).toEqual([])
})

test('a removed chat leaves only its id and time, and nothing after a month', async () => {
  const page = await openTab()
  await save(page, toChat('one', { title: 'A secret' }))
  await page.evaluate(() => tab.history.remove('one'))
  expect(JSON.stringify(await stored(page))).toMatch(/^\[\{"id":"one","removedAt":\d+\}\]$/)
  await page.evaluate(() => {
    tab.aheadMs = 31 * 24 * 60 * 60 * 1000
    return tab.history.all()
  })
  await expect.poll(() => stored(page)).toEqual([])
})

test('an answer whose tab was reloaded is interrupted, and keeps what it has', async () => {
  const page = await openTab()
  const partial = { ...unended, updatedAt: Date.now() - 60_000 }
  await save(page, toChat('one', { messages: { a: partial } }))
  await page.reload()
  expect((await all(page))[0]!.messages.a).toEqual({ ...partial, end: { how: 'interrupted' } })
})

test('an answer that another tab is writing is unchanged, until that tab no longer saves it', async () => {
  const [left, right] = [await openTab(), await openTab()]
  const partial = { ...unended, updatedAt: Date.now() }
  await save(left, toChat('one', { messages: { a: partial } }))
  expect((await all(right))[0]!.messages.a).toEqual(partial)
  // The right tab reports an interruption, because the left tab has not saved the answer for a
  // while.
  const interrupted = { ...partial, end: { how: 'interrupted' } }
  await expect.poll(async () => (await heard(right)).at(-1)?.[1]?.messages.a).toEqual(interrupted)
  // The left tab was only slow: it now continues its answer.
  const next = { ...partial, text: 'Half of', updatedAt: Date.now() }
  await save(left, toChat('one', { messages: { a: next } }))
  await expect.poll(async () => (await heard(right)).at(-1)?.[1]?.messages.a).toEqual(next)
})

test('an answer with a stream never becomes interrupted here, and a tab is notified when no tab saves it any more', async () => {
  const [left, right] = [await openTab(), await openTab()]
  const before = { ...unended, text: '' }
  const partial = { ...unended, updatedAt: Date.now(), acceptedAt: 1, stream: { address: '/streams/1', before } }
  await save(left, toChat('one', { messages: { a: partial } }))
  expect((await all(right))[0]!.messages.a).toEqual(partial)
  await expect.poll(async () => (await heard(right)).length).toBe(2)
  expect((await heard(right))[1]![1]!.messages.a).toEqual(partial)
  expect(Date.now()).toBeGreaterThanOrEqual(partial.updatedAt + 3000)
})

test('where storage is denied the problem is “denied”, and no call rejects', async () => {
  await context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError')
    }
  })
  const page = await openTab()
  await save(page, toChat('one'))
  expect(await problem(page)).toBe('denied')
  expect(await all(page)).toEqual([toChat('one')])
  await page.evaluate(() => tab.history.remove('one'))
  expect(await all(page)).toEqual([])
  await save(page, toChat('two'))
  await page.evaluate(() => tab.history.removeAll())
  expect(await all(page)).toEqual([])
})

test('when the storage is full the problem is “full”, small chats are stored, and the rest once there is room', async () => {
  await failPutsOfMuch()
  const page = await openTab('#full')
  await save(page, large('large'), toChat('small'))
  expect(await problem(page)).toBe('full')
  expect(await all(page)).toEqual([toChat('small'), large('large')])
  expect(await stored(page)).toEqual([toChat('small')])
  await page.evaluate(() => (location.hash = ''))
  await save(page, toChat('another'))
  expect(await problem(page)).toBeUndefined()
  await page.reload()
  expect((await all(page)).map(({ id }) => id)).toEqual(['another', 'large', 'small'])
})

describe('what closed tabs could not store', () => {
  const newer = (id: string) => ({ ...large(id), messages: { b: { ...message, id: 'b', parent: 'a' } } })
  const whole = (id: string) => ({ ...large(id), messages: { a: message, ...newer(id).messages } })
  const left = (page: Page) => page.evaluate(() => localStorage.getItem('sluice.last-words'))
  /** Saves a chat in a tab that can store only the chat's first message, and closes the tab. */
  const leaveIn = async (page: Page, id: string) => {
    await page.evaluate(
      async ([chat, newer]) => {
        tab.history.save(chat)
        await tab.history.flush()
        tab.history.save({ ...newer, messages: { ...chat.messages, ...newer.messages } })
        await tab.history.flush()
        tab.history.leave()
      },
      [toChat(id), newer(id)] as const,
    )
    await page.close()
  }

  test('is stored by the next page load, for every closed tab; stored messages are not left to it', async () => {
    await failPutsOfMuch()
    const [page, first, second] = [await openTab(), await openTab('#full'), await openTab('#full')]
    await leaveIn(first, 'one')
    await leaveIn(second, 'two')
    expect(JSON.parse((await left(page))!)).toEqual(['one', 'two'].map((id) => [id, newer(id)]))
    await page.reload()
    expect(await all(page)).toEqual([whole('one'), whole('two')])
    expect(await stored(page)).toEqual([whole('one'), whole('two')])
    expect(await left(page)).toBeNull()
  })

  test('is dropped if another tab has removed the chat meanwhile', async () => {
    await failPutsOfMuch()
    const page = await openTab()
    await leaveIn(await openTab('#full'), 'one')
    await page.evaluate(() => tab.history.remove('one'))
    await page.reload()
    expect(await all(page)).toEqual([])
    expect(JSON.stringify(await stored(page))).toMatch(/^\[\{"id":"one","removedAt":\d+\}\]$/)
  })
})

test('a tab without BroadcastChannel stores chats all the same', async () => {
  const page = await openTab('#deaf')
  await save(page, toChat('one'))
  await page.reload()
  expect(await all(page)).toEqual([toChat('one')])
})
