import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { chat, choose, keepDiskBusy, read, see } from './chat-page.ts'
import { begins, finish, says } from './ollama.ts'
import { useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
const stage = usePageStage()
const come = () => visitPage(chromium.browser, stage.server.url)

/** Pastes images of these widths and presses Enter before anything else happens. */
function pasteAndEnter(page: Page, widths: readonly number[]): Promise<void> {
  return page.evaluate(async (widths) => {
    const data = new DataTransfer()
    for (const width of widths) {
      const canvas = new OffscreenCanvas(width, 30)
      canvas.getContext('2d')!.fillRect(0, 0, 9, 9)
      data.items.add(new File([await canvas.convertToBlob({ type: 'image/png' })], 'photo.png', { type: 'image/png' }))
    }
    const field = document.querySelector('#message')!
    const common = { bubbles: true, cancelable: true }
    field.dispatchEvent(new ClipboardEvent('paste', { ...common, clipboardData: data }))
    field.dispatchEvent(new KeyboardEvent('keydown', { ...common, key: 'Enter' }))
  }, widths)
}

test('the end of an answer leaves the view where its reader has scrolled it', async () => {
  stage.ollama.on('Much', begins(Array.from({ length: 40 }, (_, index) => `\n\nParagraph ${index}`)))
  const { ask, answer, page, button, settled } = await come()
  await ask('Much')
  await see(answer(), 'Paragraph 39')
  const { exchange } = (await stage.ollama.asked('Much')).request
  const scroller = page.locator('.scroller')
  await scroller.evaluate((element) => (element.scrollTop = 200))
  await button('To the newest').waitFor()
  finish(exchange)
  await settled()
  await page.evaluate(() => new Promise(requestAnimationFrame))
  expect(await scroller.evaluate((element) => element.scrollTop)).toBe(200)
})

test('a message that is being edited stays in its chat', async () => {
  const visitor = await come()
  const { page, question, answer, openChat } = visitor
  await chat(visitor, 'First of one')
  await chat(visitor, 'First of another')
  await question(0).getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('textbox', { name: 'Edit the message' }).fill('Not for the first')
  await openChat('First of one')
  await see(answer(), 'You asked: First of one')
  expect(await read(question(0))).toContain('First of one')
  expect(await page.getByRole('textbox', { name: 'Edit the message' }).count()).toBe(0)
})

test('a double click on Send sends, and stops nothing', async () => {
  stage.ollama.on('Twice', begins(['Some']), says(' more'))
  const { field, button, answer, stop } = await come()
  await field.fill('Twice')
  await button('Send').dblclick()
  await see(answer(), 'Some')
  expect(await stop.isEnabled()).toBe(true)
})

test('a double click on Stop stops, and sends nothing', async () => {
  stage.ollama.on('Stop this', begins(['Some']))
  const { ask, answer, field, stop, page, settled } = await come()
  await ask('Stop this')
  await see(answer(), 'Some')
  await field.fill('half of the next one')
  const { x, y } = (await stop.boundingBox())!
  await page.mouse.click(x + 9, y + 9)
  await settled()
  await page.mouse.down({ clickCount: 2 })
  await page.mouse.up({ clickCount: 2 })
  await page.evaluate(() => new Promise(requestAnimationFrame))
  expect(await field.inputValue()).toBe('half of the next one')
  expect(stage.ollama.countOf('half of the next one')).toBe(0)
})

test('a question asked in a chat that has just been deleted begins a new chat', async () => {
  const visitor = await come()
  const { page, dialog, openChat, row, ask, settled, answer } = visitor
  await chat(visitor, 'Doomed')
  await choose(visitor, 'Doomed', 'Delete')
  const free = await keepDiskBusy(page)
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await openChat('Doomed')
  await see(answer(), 'You asked: Doomed')
  await free()
  await row('Doomed').waitFor({ state: 'detached' })
  await ask('Still here?')
  await settled()
  await see(answer(), 'You asked: Still here?')
})

test('Back, before the history is read, opens the chat before', async () => {
  const visitor = await come()
  const { page, answer, reload } = visitor
  await chat(visitor, 'Earlier')
  await chat(visitor, 'Later')
  await reload()
  await see(answer(), 'You asked: Later')
  const other = await page.context().newPage()
  await other.goto(stage.server.url)
  const free = await keepDiskBusy(other)
  await page.reload()
  const later = await page.evaluate(() => location.hash)
  await page.evaluate(() => history.back())
  await expect.poll(() => page.evaluate(() => location.hash)).not.toBe(later)
  await free()
  await see(answer(), 'You asked: Earlier')
  await other.close()
})

test('a message is not sent before its images are ready, and they keep their order', async () => {
  const { page, chooseModel, field, button } = await come()
  await chooseModel('seer:8b')
  await button('Add images').waitFor()
  await field.fill('What are these?')
  // The first image takes longest to process.
  await pasteAndEnter(page, [3000, 40, 20])
  await button('Remove image 3').waitFor()
  expect(stage.ollama.countOf('What are these?')).toBe(0)
  await field.press('Enter')
  const { body } = await stage.ollama.asked('What are these?')
  const [first, ...others] = body.messages.at(-1)!.images!.map((image) => Buffer.from(image, 'base64').readUInt32BE(16))
  expect(first).toBeGreaterThan(40)
  expect(others).toEqual([40, 20])
})

test('a menu gets the focus as soon as it opens, and the search field as soon as its shortcut is pressed', async () => {
  const visitor = await come()
  const { page, row } = visitor
  await chat(visitor, 'One')
  const focused = await row('One')
    .getByRole('button', { name: 'Actions for' })
    .evaluate((button: HTMLElement) => {
      button.click()
      return document.activeElement!.textContent
    })
  expect(focused).toBe('Rename')
  await page.keyboard.press('Escape')
  await page.getByRole('menu').waitFor({ state: 'hidden' })
  const searching = await page.evaluate(() => {
    dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, cancelable: true }))
    return document.activeElement!.id
  })
  expect(searching).toBe('search')
})

test('an open options dialog shows the options of the open chat, also after Back', async () => {
  const visitor = await come()
  const { page, openOptions, button } = visitor
  await chat(visitor, 'Chat A')
  await openOptions()
  await page.getByLabel('Temperature').fill('0.5')
  await button('Done').click()
  await chat(visitor, 'Chat B')
  await openOptions()
  await page.getByLabel('Temperature').fill('1.5')
  await page.evaluate(() => history.back())
  await expect.poll(() => page.title()).toContain('Chat A')
  expect(await page.getByLabel('Temperature').inputValue()).toBe('0.5')
})
