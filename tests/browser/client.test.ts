import type { Page } from 'playwright-core'
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ChatEvent, ChatOptions, ChatStream } from '#client'
import { replay, silent, thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { cutAfter, startCuttingProxy } from '../cutting-proxy.ts'
import { createRandom } from '../random.ts'
import { deaths, twoTokensThen } from '../runtimes/deaths.ts'
import { useStage } from './stage.ts'

const docs = readFileSync(new URL('../../docs/browser.md', import.meta.url), 'utf8')
const html = /^```html\n([\s\S]*?)^```$/m.exec(docs)?.[1] ?? ''

/** Another site serves the page of docs/browser.md. */
const stage = useStage(() => html.replaceAll('http://127.0.0.1:8083', stage.server.url), { SLUICE_MODEL: 'm' })
let page: Page
let listed: string
let unlisted: string

beforeAll(async () => {
  listed = stage.listed
  unlisted = stage.unlisted
  page = await (await stage.browser.newContext()).newPage()
})

async function ask(question: string) {
  await page.fill('input', question)
  await page.keyboard.press('Enter')
}
/**
 * Waits until the page shows the text, and until the form is ready (or not ready, if `isReady` is
 * false).
 */
async function see(text: string, isReady: boolean) {
  await page.waitForFunction(
    ([text, isReady]) => document.body.textContent.includes(text) && document.querySelector('button')?.disabled !== isReady,
    [text, isReady] as const,
  )
}

test('the page is 20 lines', () => {
  expect(html.trimEnd().split('\n')).toHaveLength(20)
})

describe('the page of docs/browser.md, at another origin', () => {
  test('sends the history with each question', async () => {
    await page.goto(listed)
    stage.upstream.script(tokens({ count: 3, text: ' 汉<b>' }), 'm')
    await ask('One?')
    await see('> One?\n 汉<b> 汉<b> 汉<b>', true)
    await ask('Two?')
    await see('> Two?\n 汉<b> 汉<b> 汉<b>', true)
    expect(stage.upstream.requestsFor('m').at(-1)?.json).toMatchObject({
      messages: [
        { role: 'user', content: 'One?' },
        { role: 'assistant', content: ' 汉<b> 汉<b> 汉<b>' },
        { role: 'user', content: 'Two?' },
      ],
    })
  })

  test('stops the upstream on Stop, and keeps the text of the answer', async () => {
    await page.goto(listed)
    stage.upstream.script(thenSilent(2), 'm')
    await ask('One?')
    await see(' token token', false)
    // The form ignores Enter while an answer comes.
    await page.keyboard.press('Enter')
    const request = stage.upstream.requestsFor('m').at(-1)
    await page.click('text=Stop')
    await request?.exchange.closedByReader
    await see(' token token\n[stopped]', true)
    stage.upstream.script(tokens({ count: 1 }), 'm')
    await ask('Two?')
    await see('> Two?\n token', true)
    expect(stage.upstream.requestsFor('m').at(-1)?.json).toMatchObject({
      messages: [{ content: 'One?' }, { content: ' token token' }, { content: 'Two?' }],
    })
  })

  test('stops the upstream before the first token, on Stop and when the page is closed', async () => {
    await page.goto(listed)
    for (const leave of [() => page.click('text=Stop'), () => page.goto('about:blank')]) {
      const seen = stage.upstream.requests.length
      stage.upstream.script(silent(), 'm')
      await ask('Hi')
      await expect.poll(() => stage.upstream.requests.length).toBe(seen + 1)
      await leave()
      await stage.upstream.requests.at(-1)?.exchange.closedByReader
    }
  })

  test.each(deaths)('shows an error when the upstream %s', async (_name, _code, end) => {
    await page.goto(listed)
    stage.upstream.script(twoTokensThen(end), 'm')
    await ask('Hi')
    await see('One two', false)
    stage.upstream.requestsFor('m').at(-1)?.exchange.pass()
    await see('One two\n[', true)
    expect(await page.textContent('body')).toMatch(/One two\n\[[^\]]{10,}\]/)
  })

  test('shows the message of a refused request', async () => {
    await page.goto(listed)
    stage.upstream.script(replay('error-busy'), 'm')
    await ask('Hi')
    await see('[server busy', true)
  })

  test('shows that the connection to Sluice failed', async () => {
    await page.goto(listed)
    await page.route('**/api/chat', (route) => route.abort('connectionrefused'))
    await ask('Hi')
    await see('[The connection failed: TypeError', true)
    await page.unroute('**/api/chat')
  })
})

describe('a stream that can be resumed, from a page at another origin', () => {
  const toText = (index: number) => ` ${index}汉`
  const whole = Array.from({ length: 100 }, (_, index) => toText(index)).join('')

  interface Told {
    readonly types: ChatEvent['type'][]
    readonly attempts: number
    readonly text: string
    readonly stream: string | undefined
    readonly end: string | undefined
  }

  /** Reads an answer in a tab, which tells in `window.told` what has come. */
  async function read(tab: Page, options: object): Promise<void> {
    await tab.evaluate(`import('${stage.server.url}/client.js').then((client) => void Object.assign(globalThis, client))`)
    await tab.evaluate((options) => {
      const { streamChat } = globalThis as unknown as { streamChat(options: ChatOptions): ChatStream }
      const told = { types: [] as string[], attempts: 0, text: '', stream: undefined as unknown, end: undefined as unknown }
      const stream = streamChat(options as ChatOptions)
      Object.assign(globalThis, { told, stream })
      void (async () => {
        try {
          for await (const event of stream) {
            if (told.types.at(-1) !== event.type) told.types.push(event.type)
            if (event.type === 'start') told.stream = event.stream
            if (event.type === 'reconnecting') told.attempts = Math.max(told.attempts, event.attempt)
            if (event.type === 'delta') told.text += event.text
            if (event.type === 'failed') told.end = event.code
          }
          told.end ??= 'done'
        } catch (error) {
          told.end = String(error)
        }
      })()
    }, options)
  }
  const told = (tab: Page) => tab.evaluate(() => (globalThis as unknown as { told: Told }).told)
  const ask = (model: string, url = stage.server.url) => ({
    url: `${url}/api/chat`,
    body: { model, messages: [] },
    resume: true,
  })

  test('goes on after some seconds without a network', async () => {
    await page.goto(listed)
    const proxy = await startCuttingProxy(() => stage.server.port)
    try {
      const model = stage.upstream.script(tokens({ count: 100, perSecond: 20, text: toText }))
      await read(page, ask(model, proxy.url))
      await expect.poll(async () => (await told(page)).types).toContain('delta')
      // Chromium refuses new requests while it is offline, but does not break those that are open.
      await page.context().setOffline(true)
      proxy.cut()
      await expect.poll(async () => (await told(page)).attempts, { timeout: 15_000 }).toBeGreaterThanOrEqual(4)
      await page.context().setOffline(false)
      await expect.poll(async () => (await told(page)).end, { timeout: 15_000 }).toBe('done')
      const { text, types } = await told(page)
      expect(text).toBe(whole)
      expect(types).toEqual(['start', 'delta', 'reconnecting', 'resumed', 'delta', 'done'])
      expect(proxy.cuts).toBe(1)
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    } finally {
      await page.context().setOffline(false)
      await proxy.close()
    }
  })

  test('goes on over a proxy that breaks connections at random bytes', async () => {
    await page.goto(listed)
    const random = createRandom(16)
    const proxy = await startCuttingProxy(
      () => stage.server.port,
      () => cutAfter(1500 + random(2500)),
    )
    try {
      const model = stage.upstream.script(tokens({ count: 100, perSecond: 100, text: toText }))
      await read(page, ask(model, proxy.url))
      await expect.poll(async () => (await told(page)).end, { timeout: 30_000 }).toBe('done')
      expect((await told(page)).text).toBe(whole)
      expect(proxy.cuts).toBeGreaterThan(2)
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    } finally {
      await proxy.close()
    }
  })

  test('goes on after a reload and in a second tab, and stop() ends it in both', async () => {
    await page.goto(listed)
    const model = stage.upstream.script(thenSilent(2))
    await read(page, ask(model))
    await expect.poll(async () => (await told(page)).text).toBe(' token token')
    const { stream } = await told(page)
    const other = await page.context().newPage()
    try {
      await Promise.all([page.reload(), other.goto(listed)])
      for (const tab of [page, other]) await read(tab, { url: `${stage.server.url}/api/chat`, resume: stream })
      for (const tab of [page, other]) await expect.poll(async () => (await told(tab)).text).toBe(' token token')
      await other.evaluate(() => (globalThis as unknown as { stream: ChatStream }).stream.stop())
      for (const tab of [page, other]) await expect.poll(async () => (await told(tab)).end).toBe('cancelled')
      await stage.upstream.requestsFor(model).at(-1)?.exchange.closedByReader
      expect(stage.upstream.requestsFor(model)).toHaveLength(1)
    } finally {
      await other.close()
    }
  })
})

test('a site that is not listed cannot load client.js', async () => {
  await page.goto(unlisted)
  const loaded = await page.evaluate<string>(`import('${stage.server.url}/client.js').then(() => 'loaded', String)`)
  expect(loaded).toMatch(/^TypeError/)
})
