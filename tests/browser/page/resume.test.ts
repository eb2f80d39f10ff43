import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { layCable } from './cable.ts'
import { read, see, toChatPage } from './chat-page.ts'
import { begins, goesOn, says } from './ollama.ts'
import { toEntry, useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
const stage = usePageStage()
/** The console messages of broken connections and of streams that are gone. */
const expected = [/Failed to load resource/]
const come = () => visitPage(chromium.browser, stage.server.url, { expected })

/** Lets Ollama answer with “Once upon”, and after `pass` with “ a time”. */
async function begin({ ask, answer }: Pick<ReturnType<typeof toChatPage>, 'ask' | 'answer'>, question: string) {
  stage.ollama.on(question, begins(['Once', ' upon'], goesOn(' a', ' time')))
  await ask(question)
  await see(answer(), 'Once upon')
  return (await stage.ollama.asked(question)).request.exchange
}

/** Waits until IndexedDB has an answer with this text that has not ended. */
async function storedOpen(page: Page, text: string): Promise<void> {
  const find = (text: string) =>
    new Promise<boolean>((resolve) => {
      indexedDB.open('sluice').addEventListener('success', ({ target }) => {
        const database = (target as IDBOpenDBRequest).result
        const all = database.transaction('chats').objectStore('chats').getAll() as IDBRequest<{ messages?: object }[]>
        all.addEventListener('success', () => {
          database.close()
          const messages = all.result.flatMap(({ messages = {} }) => Object.values(messages) as Record<string, unknown>[])
          resolve(messages.some((message) => message.text === text && message.stream && !message.end))
        })
      })
    })
  await expect.poll(() => page.evaluate(find, text)).toBe(true)
}

describe('an answer goes on where it was', () => {
  test('after a reload in the middle, and is the same after the next reload', async () => {
    const visitor = await come()
    const { page, answer, settled, reload } = visitor
    const exchange = await begin(visitor, 'Reloaded')
    await page.reload()
    await see(answer(), 'Once upon')
    await page.locator('article.answer[aria-busy=true]').waitFor()
    expect(exchange.isOpen).toBe(true)
    exchange.pass()
    await see(answer(), 'Once upon a time')
    await settled()
    const whole = await read(answer())
    expect(whole).toMatch(/^talker Once upon a time/)
    expect(whole).toContain('3 tokens')
    await reload()
    await expect.poll(() => read(answer())).toBe(whole)
    expect(stage.ollama.countOf('Reloaded')).toBe(1)
  })

  test('after a reload before its first token', async () => {
    stage.ollama.on('Slow', begins([], goesOn('At', ' last')))
    const visitor = await come()
    const { page, answer, ask, settled, stop } = visitor
    await ask('Slow')
    await see(answer(), 'Reading the prompt')
    await page.reload()
    await see(answer(), 'Waiting for the model')
    await stop.waitFor()
    ;(await stage.ollama.asked('Slow')).request.exchange.pass()
    await see(answer(), 'At last')
    await settled()
    expect(stage.ollama.countOf('Slow')).toBe(1)
  })

  test('after the network was dead, in both tabs, and the page says that it reconnects', async () => {
    const cable = await layCable(stage.server.port)
    onTestFinished(cable.close)
    const visitor = await visitPage(chromium.browser, cable.url, { expected })
    const { context } = visitor
    const exchange = await begin(visitor, 'Offline')
    const other = toChatPage(await visitor.open())
    await other.openChat('Offline')
    await other.stop.waitFor()
    await context.setOffline(true)
    cable.cut()
    for (const tab of [visitor, other]) {
      await see(tab.answer(), /Once upon Reconnecting/)
      await expect.poll(() => tab.page.getByRole('status').textContent()).toBe('Reconnecting')
    }
    exchange.pass()
    // The answer is complete at the server before the network is back.
    await expect.poll(() => exchange.isOpen).toBe(false)
    cable.mend()
    await context.setOffline(false)
    for (const tab of [visitor, other]) {
      await see(tab.answer(), 'Once upon a time')
      await tab.settled()
      await see(tab.answer(), /^talker Once upon a time talker/)
    }
    expect(stage.ollama.countOf('Offline')).toBe(1)
  })

  test('in words for a screen reader, when its connection works again', async () => {
    const cable = await layCable(stage.server.port)
    onTestFinished(cable.close)
    const visitor = await visitPage(chromium.browser, cable.url, { expected })
    await begin(visitor, 'Heard')
    const status = visitor.page.getByRole('status')
    await expect.poll(() => status.textContent()).toBe('The answer begins')
    cable.cut()
    await expect.poll(() => status.textContent()).toBe('Reconnecting')
    cable.mend()
    await expect.poll(() => status.textContent(), { timeout: 8000 }).toBe('The answer goes on')
    await visitor.page.getByText('Reconnecting').waitFor({ state: 'detached' })
    await visitor.page.reload()
    ;(await stage.ollama.asked('Heard')).request.exchange.pass()
    await see(visitor.answer(), 'Once upon a time')
  })

  test('after the tab has crashed, in a new tab', async () => {
    const visitor = await come()
    const { page, context, open } = visitor
    const exchange = await begin(visitor, 'Crashed')
    await storedOpen(page, 'Once upon')
    const session = await context.newCDPSession(page)
    const crashed = page.waitForEvent('crash')
    void session.send('Page.crash').catch(() => {})
    await crashed
    const next = toChatPage(await open())
    await next.openChat('Crashed')
    await see(next.answer(), 'Once upon')
    exchange.pass()
    await see(next.answer(), 'Once upon a time')
    await next.settled()
    expect(stage.ollama.countOf('Crashed')).toBe(1)
  })

  test('after its tab was closed, in a tab that shows another chat', async () => {
    const visitor = await come()
    const other = toChatPage(await visitor.open())
    const exchange = await begin(visitor, 'Closed')
    await storedOpen(visitor.page, 'Once upon')
    await visitor.page.close()
    await other.row('Closed').getByRole('img', { name: 'is being answered' }).waitFor()
    exchange.pass()
    await other.openChat('Closed')
    await see(other.answer(), 'Once upon a time')
    await other.settled()
  })

  test('after a reload, if it continues an earlier part', async () => {
    stage.ollama.on(
      'In parts',
      begins(['Once', ' upon'], (exchange) => exchange.end()),
      begins([' a', ' time'], goesOn(' there')),
    )
    const { ask, answer, page, button, settled } = await come()
    await ask('In parts')
    await see(answer(), 'Once upon')
    ;(await stage.ollama.asked('In parts')).request.exchange.pass()
    await button('Continue').click()
    await see(answer(), 'Once upon a time')
    await page.reload()
    await see(answer(), 'Once upon a time')
    ;(await stage.ollama.asked('In parts', 2)).request.exchange.pass()
    await see(answer(), 'Once upon a time there')
    await settled()
    await see(answer(), /^talker Once upon a time there /)
  })
})

describe('two tabs', () => {
  test('show an answer live, each token once, from before its first token to its end', async () => {
    stage.ollama.on('Live', begins([], goesOn('Once', ' upon', ' a', ' time')))
    const visitor = await come()
    await visitor.ask('Live')
    const other = toChatPage(await visitor.open())
    await other.openChat('Live')
    await see(other.answer(), 'Waiting for the model')
    const { exchange } = (await stage.ollama.asked('Live')).request
    exchange.pass()
    for (const tab of [visitor, other]) await see(tab.answer(), 'Once upon a time')
    for (const tab of [visitor, other]) await tab.settled()
    await expect.poll(() => read(other.answer())).toBe(await read(visitor.answer()))
    for (const tab of [visitor, other]) await tab.reload()
    for (const tab of [visitor, other]) await see(tab.answer(), /^talker Once upon a time talker/)
    expect(stage.ollama.countOf('Live')).toBe(1)
  })

  test('both show that an answer is stopped, in whichever tab, with its text, and the upstream is stopped', async () => {
    const visitor = await come()
    const exchange = await begin(visitor, 'Stopped there')
    const other = toChatPage(await visitor.open())
    await other.openChat('Stopped there')
    await see(other.answer(), 'Once upon')
    await other.stop.click()
    await exchange.closedByReader
    for (const tab of [visitor, other]) {
      await see(tab.answer(), 'Stopped. The GPU is free.')
      await see(tab.answer(), 'Once upon')
      await tab.button('Continue').waitFor()
    }
  })

  test('go on with an answer when the tab that asked for it is closed', async () => {
    const visitor = await come()
    const exchange = await begin(visitor, 'Closed by one')
    const other = toChatPage(await visitor.open())
    await other.openChat('Closed by one')
    await see(other.answer(), 'Once upon')
    await other.stop.waitFor()
    await visitor.page.close()
    exchange.pass()
    await see(other.answer(), 'Once upon a time')
    await other.settled()
  })
})

test('Stop after a reload stops the upstream, and the answer can be continued', async () => {
  const { page, ask, answer, stop, button } = await come()
  stage.ollama.on('Stopped later', begins(['Once', ' upon']), says(' a time'))
  await ask('Stopped later')
  await see(answer(), 'Once upon')
  const { exchange } = (await stage.ollama.asked('Stopped later')).request
  await page.reload()
  await see(answer(), 'Once upon')
  await stop.click()
  await exchange.closedByReader
  await see(answer(), 'Stopped. The GPU is free.')
  await button('Continue').click()
  await see(answer(), 'Once upon a time')
})

test('the deletion of its chat in another tab stops an answer', async () => {
  const visitor = await come()
  const exchange = await begin(visitor, 'Deleted')
  const other = toChatPage(await visitor.open())
  await other.row('Deleted').hover()
  await other.row('Deleted').getByRole('button', { name: 'Actions for' }).click()
  await other.page.getByRole('menuitem', { name: 'Delete' }).click()
  await other.dialog.getByRole('button', { name: 'Delete' }).click()
  await exchange.closedByReader
  await see(visitor.page.getByRole('main'), 'What is on your mind?')
})

describe('with a key', () => {
  const locked = usePageStage({ SLUICE_API_KEYS: toEntry('a-secret') })

  test('an answer goes on after a reload, and is stopped then', async () => {
    locked.ollama.on('Behind a key', begins(['Once', ' upon']))
    const { page, button, ask, answer, stop } = await visitPage(chromium.browser, locked.server.url, { expected })
    await page.getByLabel('Key', { exact: true }).fill('a-secret')
    await button('Unlock').click()
    await see(page.getByRole('main'), 'What is on your mind?')
    await ask('Behind a key')
    await see(answer(), 'Once upon')
    await page.reload()
    await see(answer(), 'Once upon')
    await stop.click()
    await see(answer(), 'Stopped. The GPU is free.')
    await (
      await locked.ollama.asked('Behind a key')
    ).request.exchange.closedByReader
  })
})

describe('what cannot go on', () => {
  const short = usePageStage({ SLUICE_RESUME_MAX_SECONDS: '1' })

  test('says that no page was connected, keeps its text, and can be continued', async () => {
    short.ollama.on('Left alone', begins(['Once', ' upon']), says(' a time'))
    const visitor = await visitPage(chromium.browser, short.server.url, { expected })
    await visitor.ask('Left alone')
    await see(visitor.answer(), 'Once upon')
    const { exchange } = (await short.ollama.asked('Left alone')).request
    await visitor.page.goto('about:blank')
    await exchange.closedByReader
    await visitor.page.goBack()
    await see(visitor.answer(), 'Stopped, because no page was connected.')
    await see(visitor.answer(), 'Once upon')
    await visitor.button('Continue').click()
    await see(visitor.answer(), 'Once upon a time')
  })
})
