import { readFile } from 'node:fs/promises'
import type { Locator } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { chat, choose, keepDiskBusy, read, see, toChatPage } from './chat-page.ts'
import type { ChatPage } from './chat-page.ts'
import { begins, goesOn, says } from './ollama.ts'
import { useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
const stage = usePageStage()
/** A server whose answers end with the connection of their reader. */
const forgetful = usePageStage({ SLUICE_RESUME_MAX_SECONDS: '0' })
const come = (options?: Parameters<typeof visitPage>[2]) => visitPage(chromium.browser, stage.server.url, options)
const comeToForgetful = () => visitPage(chromium.browser, forgetful.server.url)

/** Returns the titles in the list, from the top. */
const titles = ({ page }: ChatPage) => page.locator('.chat-open').allInnerTexts()

describe('a reload', () => {
  test('in the middle of an answer that cannot be resumed keeps its text, stops the upstream, and the answer can be continued', async () => {
    forgetful.ollama.on('Long story', begins(['Once', ' upon']), says(' a time'))
    const { ask, answer, page, button, settled, reload } = await comeToForgetful()
    await ask('Long story')
    await see(answer(), 'Once upon')
    const { request } = await forgetful.ollama.asked('Long story')
    await page.reload()
    await see(answer(), 'Once upon')
    await see(answer(), 'The page was closed before the end.')
    await request.exchange.closedByReader
    await button('Continue').click()
    const { body } = await forgetful.ollama.asked('Long story', 2)
    expect(body.messages.at(-1)).toEqual({ role: 'assistant', content: 'Once upon' })
    await see(answer(), 'Once upon a time')
    await settled()
    await reload()
    await see(answer(), 'Once upon a time')
    expect(await read(answer())).not.toContain('closed before')
  })

  test('right after a rename or a question loses neither', async () => {
    forgetful.ollama.on('Is this lost?', begins(['No']))
    const visitor = await comeToForgetful()
    await chat(visitor, 'Old name')
    await choose(visitor, 'Old name', 'Rename')
    const title = visitor.page.getByRole('textbox', { name: 'Title' })
    await title.fill('New name')
    /** Presses Enter, and reloads the page while the disk is busy. */
    const enterAndReload = async (field: Locator) => {
      await keepDiskBusy(visitor.page)
      const reloaded = visitor.page.waitForEvent('load')
      await field.evaluate((element) => {
        const enter = { key: 'Enter', bubbles: true, cancelable: true }
        if (element.dispatchEvent(new KeyboardEvent('keydown', enter))) (element as HTMLInputElement).form?.requestSubmit()
        location.reload()
      })
      await reloaded
    }
    await enterAndReload(title)
    await visitor.row('New name').waitFor()
    await visitor.newChat()
    await visitor.field.fill('Is this lost?')
    await enterAndReload(visitor.field)
    await see(visitor.question(), 'Is this lost?')
    await see(visitor.answer(), 'The page was closed before the end.')
    expect(await titles(visitor)).toEqual(['Is this lost?', 'New name'])
  })

  test('brings the same chat back, with its title and figures', async () => {
    const visitor = await come()
    await chat(visitor, 'One of two')
    await chat(visitor, 'Two of two')
    await visitor.openChat('One of two')
    await see(visitor.answer(), 'You asked: One of two')
    await visitor.reload()
    await see(visitor.answer(), 'You asked: One of two')
    await see(visitor.answer(), 'talker · ')
    expect(await titles(visitor)).toEqual(['Two of two', 'One of two'])
    expect(await visitor.page.title()).toBe('One of two – Sluice')
  })
})

test('tabs that are closed in the middle of an answer keep every word that they showed', async () => {
  forgetful.ollama.on('One story', begins(['Once', ' upon']))
  forgetful.ollama.on('Another story', begins(['Long', ' ago']))
  const visitor = await comeToForgetful()
  const other = toChatPage(await visitor.open())
  await visitor.ask('One story')
  await other.ask('Another story')
  await see(visitor.answer(), 'Once upon')
  await see(other.answer(), 'Long ago')
  const next = toChatPage(await visitor.context.newPage())
  for (const { page } of [visitor, other])
    await Promise.all([page.waitForEvent('close'), page.close({ runBeforeUnload: true })])
  await next.page.goto(forgetful.server.url)
  for (const [question, told] of Object.entries({ 'One story': 'Once upon', 'Another story': 'Long ago' })) {
    await next.openChat(question)
    await see(next.answer(), told)
    await see(next.answer(), 'The page was closed before the end.')
  }
})

describe('the list of chats', () => {
  test('is searched by every word in a chat, and says when no chat matches', async () => {
    stage.ollama.on('About zebras', says('They have stripes'))
    const visitor = await come()
    await chat(visitor, 'About zebras')
    await chat(visitor, 'About lions')
    await visitor.page.keyboard.press('ControlOrMeta+k')
    await visitor.page.keyboard.type('STRIPES')
    await expect.poll(() => titles(visitor)).toEqual(['About zebras'])
    await visitor.page.keyboard.press('ControlOrMeta+a')
    await visitor.page.keyboard.type('unicorn')
    await see(visitor.page.locator('.sidebar'), 'No chat has this.')
  })

  test('shows chats under the names that the user gave them', async () => {
    const visitor = await come()
    await chat(visitor, 'Some question')
    await choose(visitor, 'Some question', 'Rename')
    await visitor.page.getByRole('textbox', { name: 'Title' }).fill('My own name')
    await visitor.page.keyboard.press('Enter')
    await expect.poll(() => titles(visitor)).toEqual(['My own name'])
    await see(visitor.page.getByRole('heading', { level: 1 }), 'My own name')
    await visitor.reload()
    await visitor.row('My own name').waitFor()
    await see(visitor.question(), 'Some question')
  })

  test('loses only the deleted chat, and only after a confirmation', async () => {
    const visitor = await come()
    await chat(visitor, 'To be kept')
    await chat(visitor, 'To be deleted')
    await choose(visitor, 'To be deleted', 'Delete')
    await see(visitor.dialog, 'Delete “To be deleted”?')
    await visitor.button('Cancel').click()
    expect(await titles(visitor)).toHaveLength(2)
    await choose(visitor, 'To be deleted', 'Delete')
    await visitor.dialog.getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => titles(visitor)).toEqual(['To be kept'])
    await see(visitor.page.getByRole('main'), 'What is on your mind?')
    await visitor.page.reload()
    await visitor.row('To be kept').waitFor()
    expect(await titles(visitor)).toEqual(['To be kept'])
  })

  test('is empty when all are deleted, and stays so', async () => {
    const visitor = await come()
    await chat(visitor, 'First of all')
    await chat(visitor, 'Second of all')
    await visitor.openSettings()
    await visitor.button('Delete all').click()
    await see(visitor.dialog, 'Delete all chats?')
    await visitor.dialog.getByRole('button', { name: 'Delete' }).click()
    await see(visitor.page.locator('.sidebar'), 'Chats that you begin appear here.')
    await visitor.page.reload()
    await see(visitor.page.getByRole('main'), 'What is on your mind?')
    await see(visitor.page.locator('.sidebar'), 'Chats that you begin appear here.')
  })
})

describe('a file of chats', () => {
  test('restores the chats in another browser, with all their content', async () => {
    stage.ollama.on('Take me along', says('First answer'), says('Second answer'))
    const visitor = await come()
    await chat(visitor, 'Take me along')
    await visitor.answer().getByRole('button', { name: 'Try again' }).click()
    await see(visitor.answer(), 'Second answer')
    await visitor.settled()
    await visitor.openSettings()
    const [download] = await Promise.all([visitor.page.waitForEvent('download'), visitor.button('Export').click()])
    expect(download.suggestedFilename()).toMatch(/^sluice-\d{4}-\d\d-\d\d\.json$/)
    const file = await readFile(await download.path())

    const other = await come()
    await chat(other, 'Mine')
    await other.openSettings()
    await other.page.locator('input[type=file][accept*=json]').setInputFiles({ name: 'a.json', mimeType: '', buffer: file })
    await see(other.dialog, '1 taken in.')
    await other.dialog.getByRole('button', { name: 'Close' }).click()
    await other.openChat('Take me along')
    await see(other.answer(), 'Second answer')
    await other.button('Version before').click()
    await see(other.answer(), 'First answer')
    await other.reload()
    await see(other.answer(), 'First answer')
    expect((await titles(other)).toSorted()).toEqual(['Mine', 'Take me along'])
  })

  test('in another format is refused, and changes no chat', async () => {
    const visitor = await come()
    await chat(visitor, 'Still here')
    await visitor.openSettings()
    const files = visitor.page.locator('input[type=file][accept*=json]')
    for (const buffer of [Buffer.from('{"format":"other"}'), Buffer.from('nonsense'), Buffer.alloc(100)]) {
      await files.setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer })
      await see(visitor.dialog, 'This file has no chats of this page.')
    }
    expect(await titles(visitor)).toEqual(['Still here'])
  })
})

describe('several chats', () => {
  test('are answered at once, and each goes on while another is open', async () => {
    stage.ollama.on('Runs on', begins(['Part one'], goesOn(', part two')))
    const { ask, answer, newChat, openChat, row, settled, page } = await come()
    await ask('Runs on')
    await see(answer(), 'Part one')
    await newChat()
    await ask('Meanwhile')
    await settled()
    await row('Runs on').getByRole('img', { name: 'is being answered' }).waitFor()
    ;(await stage.ollama.asked('Runs on')).request.exchange.pass()
    await page.locator('.is-running').waitFor({ state: 'detached' })
    await openChat('Runs on')
    await see(answer(), 'Part one, part two')
  })

  test('are steps of Back and Forward', async () => {
    const visitor = await come()
    await chat(visitor, 'Step one')
    await chat(visitor, 'Step two')
    await visitor.openChat('Step one')
    await see(visitor.answer(), 'You asked: Step one')
    await visitor.page.goBack()
    await see(visitor.answer(), 'You asked: Step two')
    await visitor.page.goForward()
    await see(visitor.answer(), 'You asked: Step one')
  })
})

test('when the storage is full the page says so, chats continue, and they are stored once there is room', async () => {
  const visitor = await come()
  const { page, ask, settled, answer, reload } = visitor
  const session = await visitor.context.newCDPSession(page)
  const setRoom = (room: { quotaSize?: number }) =>
    session.send('Storage.overrideQuotaForOrigin', { origin: stage.server.url, ...room })
  await setRoom({ quotaSize: 1 })
  for (const question of ['Is there room?', 'And now?']) {
    await ask(question)
    await settled()
    await see(answer(), `You asked: ${question}`)
    await see(page.locator('.fine'), 'The storage is full: delete some chats to keep new ones.')
  }
  await setRoom({})
  await ask('And at last?')
  await see(page.locator('.fine'), 'Chats stay in this browser.')
  await settled()
  await reload()
  await see(page.getByRole('log'), /Is there room\?.* You asked: And now\?.* You asked: And at last\?/)
})

describe('two tabs', () => {
  test('do not overwrite each other in one chat', async () => {
    forgetful.ollama.on('From the first tab', begins(['First answer'], goesOn(' is whole')))
    const visitor = await comeToForgetful()
    await chat(visitor, 'Shared')
    const other = toChatPage(await visitor.open())
    await other.openChat('Shared')
    await see(other.answer(), 'You asked: Shared')

    await visitor.ask('From the first tab')
    await see(visitor.answer(), 'First answer')
    // The other tab shows the answer while it is being written.
    await see(other.answer(), 'First answer')
    await other.answer(0).getByRole('button', { name: 'Try again' }).click()
    await see(other.answer(), '2/2')
    await other.settled()
    ;(await forgetful.ollama.asked('From the first tab')).request.exchange.pass()
    await see(visitor.page.locator('.log'), 'First answer is whole')
    await visitor.settled()

    for (const tab of [visitor, other]) await tab.reload()
    for (const tab of [visitor, other]) {
      await see(tab.answer(0), '/2')
      if ((await read(tab.answer(0))).includes('2/2')) await tab.button('Version before').first().click()
      await see(tab.answer(), 'First answer is whole')
    }
  })

  test('keep both their messages even without BroadcastChannel', async () => {
    const visitor = await come()
    await chat(visitor, 'Known to both')
    await visitor.context.addInitScript(() => Object.assign(globalThis, { BroadcastChannel: undefined }))
    const other = toChatPage(await visitor.open())
    await other.openChat('Known to both')
    await see(other.answer(), 'You asked: Known to both')
    await visitor.ask('Of the first')
    await visitor.settled()
    await other.ask('Of the second')
    await other.settled()
    await other.reload()
    await see(other.question(1), '2/2')
    await other.question(1).getByRole('button', { name: 'Version before' }).click()
    await see(other.answer(), 'You asked: Of the first')
  })

  test('show the new, renamed and deleted chats of each other', async () => {
    const visitor = await come()
    const other = toChatPage(await visitor.open())
    await chat(visitor, 'New in one tab')
    await other.openChat('New in one tab')
    await see(other.answer(), 'You asked: New in one tab')
    await choose(other, 'New in one tab', 'Rename')
    await other.page.getByRole('textbox', { name: 'Title' }).fill('Named in the other')
    await other.page.keyboard.press('Enter')
    await visitor.row('Named in the other').waitFor()
    await choose(visitor, 'Named in the other', 'Delete')
    await visitor.dialog.getByRole('button', { name: 'Delete' }).click()
    await see(other.page.locator('.sidebar'), 'Chats that you begin appear here.')
    await see(other.page.getByRole('main'), 'What is on your mind?')
  })

  test('tell an answer that the other tab is writing from one that was interrupted', async () => {
    forgetful.ollama.on('Who writes this?', begins(['Somebody']))
    const visitor = await comeToForgetful()
    await visitor.ask('Who writes this?')
    await see(visitor.answer(), 'Somebody')
    const other = toChatPage(await visitor.open())
    await other.openChat('Who writes this?')
    await see(other.answer(), 'Being answered in another tab.')
    await see(other.answer(), 'Somebody')
    await visitor.page.close()
    await see(other.answer(), 'The page was closed before the end.')
    await see(other.answer(), 'Somebody')
  })
})
