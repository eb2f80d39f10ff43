import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { ndjson } from '#fake-ollama/scripts.ts'
import { ask, lastAnswer, waitForEnd } from '../visit.ts'
import { answering, end, failing, model, pausing, toTokens, writePiecesTo } from './catalog.ts'
import { richAnswer } from './rich-answer.ts'
import { usePage } from './use-page.ts'

const stage = usePage()

/** Records all further announcements for screen readers, in order. */
function listen(page: Page): Promise<void> {
  return page.evaluate(() => {
    const heard: string[] = []
    Object.assign(globalThis, { heard })
    const observer = new MutationObserver((records) => {
      for (const { target } of records) {
        const element = target instanceof Element ? target : target.parentElement
        const live = element?.closest('[role="status"], [role="alert"], [role="log"], [aria-live]')
        if (live && live.getAttribute('aria-live') !== 'off') heard.push(live.textContent)
      }
    })
    observer.observe(document.body, { subtree: true, childList: true, characterData: true })
  })
}

const heard = (page: Page) => page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard)

test('an answer is announced when it begins and when it is complete, once each, and not word by word', async () => {
  stage.upstream.script(async (exchange) => {
    exchange.head(200, ndjson)
    writePiecesTo(exchange, toTokens(richAnswer))
    await exchange.passed
    end(exchange)
  }, model)
  const page = await stage.visit()
  await page.locator('.starters').waitFor()
  await listen(page)
  await ask(page, 'Explain binary search')
  await lastAnswer(page).locator('table').waitFor()
  expect(await heard(page)).toEqual(['The answer begins'])
  ;(await stage.asked()).exchange.pass()
  await waitForEnd(page)
  await expect.poll(() => heard(page)).toEqual(['The answer begins', 'The answer is complete'])
})

test('an answer is announced when it is stopped and when it fails', async () => {
  stage.upstream.script(pausing('As far as it'), model)
  const page = await stage.visit()
  await listen(page)
  await ask(page, 'Begin')
  await lastAnswer(page).getByText('As far as it').waitFor()
  await page.keyboard.press('Escape')
  await waitForEnd(page)
  await expect.poll(() => heard(page)).toEqual(['The answer begins', 'Stopped. The GPU is free.'])

  stage.upstream.script(failing('Only a few'), model)
  await ask(page, 'Again')
  await lastAnswer(page).locator('.is-failure').waitFor()
  await expect.poll(() => heard(page).then((all) => all.at(-1))).toBe('Failed: Ollama gave up')
})

test('an answer that arrives at once, after a stopped one, is announced as complete', async () => {
  stage.upstream.script(pausing('As far as it'), model)
  const page = await stage.visit()
  await ask(page, 'Begin')
  await lastAnswer(page).getByText('As far as it').waitFor()
  await page.keyboard.press('Escape')
  await waitForEnd(page)
  stage.upstream.script(answering('All of it.'), model)
  await ask(page, 'Again')
  await lastAnswer(page).getByText('All of it.').waitFor()
  await expect.poll(() => page.getByRole('status').innerText()).toBe('The answer is complete')
})

test('the result of an import is announced by the one status region, which is then inside the dialog', async () => {
  const page = await stage.visit()
  await page.getByRole('button', { name: 'Settings' }).click()
  await listen(page)
  const status = page.getByRole('dialog').getByRole('status')
  expect(await status.innerText()).toBe('')
  await page.locator('input[type=file][accept*=json]').setInputFiles({ name: 'a', mimeType: '', buffer: Buffer.from('{}') })
  await page.getByText('This file has no chats').first().waitFor()
  await expect.poll(() => heard(page)).toEqual(['This file has no chats of this page.'])
  expect(await page.locator('[role="status"]').count()).toBe(1)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await page.getByRole('status').innerText()).toBe('')
})

test('it is announced that the browser denies storage and chats are lost', async () => {
  const page = await stage.visit()
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError')
    }
  })
  await page.reload()
  await expect
    .poll(() => page.getByRole('status').innerText())
    .toBe('This browser denies storage: chats are lost with this tab.')
})

test('the page has one log, one polite region, one main, one first-level heading, and a name for every control', async () => {
  stage.upstream.script(answering({ thinking: 'Well.' }, ...toTokens(richAnswer)), model)
  const page = await stage.visit()
  await ask(page, 'Explain binary search')
  await waitForEnd(page)
  const log = page.getByRole('log', { name: 'Conversation' })
  expect(await log.getByRole('article').count()).toBe(2)
  expect(await log.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual(['You', 'qwen3:8b'])
  // A screen reader does not read the answer while it grows, and announces only its end.
  expect(await log.getAttribute('aria-live')).toBe('off')
  expect(await page.locator('[role="status"], [role="alert"], [aria-live]:not([aria-live="off"])').count()).toBe(1)
  expect(await page.getByRole('main').count()).toBe(1)
  expect(await page.getByRole('heading', { level: 1 }).allInnerTexts()).toEqual(['Explain binary search'])
  const session = await page.context().newCDPSession(page)
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as {
    nodes: { ignored: boolean; role?: { value: string }; name?: { value: string } }[]
  }
  const controls = nodes.filter(
    ({ ignored, role }) =>
      !ignored && /^(?:button|textbox|searchbox|combobox|link|radio|checkbox|option)$/.test(role?.value ?? ''),
  )
  expect(controls.length).toBeGreaterThan(15)
  expect(controls.filter(({ name }) => !name?.value.trim())).toEqual([])
})
