import { createHash } from 'node:crypto'
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { chinese } from '#page/status/chinese.ts'
import type { Data } from '#page/status/data.ts'
import { english } from '#page/status/english.ts'
import { json, thenSilent } from '#fake-ollama/scripts.ts'
import { generate, readAll, toTold } from '../../runtimes/reader.ts'
import { useBrowser, usePageStage } from '../page/stage.ts'
import { findBarriers, visit, type VisitOptions } from '../visit.ts'
import { example } from './example.ts'

const chromium = useBrowser()
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

/** Opens the status page for the rest of the test. The test fails if the visit has found a problem. */
async function open(url: string, options: VisitOptions = {}): Promise<Page> {
  const visitor = await visit(chromium.browser, url, { path: '/status', reducedMotion: 'reduce', ...options })
  onTestFinished(visitor.end)
  return visitor.page
}

/** Answers with this data from now on, until `data` is changed. Returns what the page has asked. */
async function answerWith(page: Page, state: { data: Data; key?: string }) {
  const asked: string[] = []
  await page.route('**/status/data', (route) => {
    const { authorization = '' } = route.request().headers()
    asked.push(authorization)
    const isIn = state.key === undefined || authorization === `Bearer ${state.key}`
    return isIn ? route.fulfill({ json: state.data }) : route.fallback()
  })
  return asked
}

/** The list of hosts names a model, too, once it is in memory there. */
const toRow = (page: Page, model: string) =>
  page.getByRole('region', { name: english.running }).getByRole('listitem').filter({ hasText: model })

const hasNoScroll = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)

describe('without keys, on the operator’s machine', () => {
  const stage = usePageStage({ SLUICE_OPERATOR: '1', SLUICE_GRACE_MS: '0' })

  async function start(id: string) {
    const model = stage.upstream.script(thenSilent(3))
    const reader = generate(stage.server, 'sse', model, { headers: { 'x-request-id': id } })
    await reader.until((text) => text.split(' token').length > 3)
    return { model, reader }
  }

  test('the page shows what runs, and stops it at the second press', async () => {
    const { model, reader } = await start('mine')
    const page = await open(stage.server.url)
    const row = toRow(page, model)
    await row.getByText('Answering', { exact: true }).waitFor()
    await row.getByText('3 tokens').waitFor()
    expect(await page.title()).toBe('Status – Sluice')
    expect(await findBarriers(page)).toEqual([])
    await row.getByRole('button', { name: `Stop ${model}` }).focus()
    await page.keyboard.press('Enter')
    await row.getByRole('button', { name: 'Really stop?' }).waitFor()
    expect([reader.isEnded, stage.upstream.open]).toEqual([false, 1])
    await page.keyboard.press('Enter')
    await reader.ended
    expect(toTold('sse', reader.text).failed).toMatchObject({ code: 'cancelled' })
    await row.waitFor({ state: 'detached' })
    await page.getByText('Nothing runs.').waitFor()
    expect(await page.getByRole('status').innerText()).toBe(english.stopped)
    // The focus is not lost with the button.
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('running')
    await expect.poll(() => stage.upstream.open).toBe(0)
  })

  test('the page is live: a stream comes, a failure is listed, and the charts have both', async () => {
    const page = await open(stage.server.url)
    await page.getByText('Nothing runs.').waitFor()
    const { model, reader } = await start('later')
    await toRow(page, model).waitFor()
    await readAll(generate(stage.server, 'sse', stage.upstream.script(json({ error: 'no' }, 500))))
    await page.getByText('upstream_failed').waitFor()
    reader.leave()
    await page.getByText('Nothing runs.').waitFor()
    const charts = page.getByRole('figure')
    expect(await charts.count()).toBe(3)
    expect(await charts.first().locator('.part').last().getAttribute('height')).not.toBe('0')
    expect(await charts.first().innerText()).toMatch(/, 1 of them failed, at most \d+ a minute/)
  })

  test('a server that does not answer is told, with what was known before; the page goes on by itself', async () => {
    const page = await open(stage.server.url, { expected: [/Failed to load resource/] })
    await page.getByText('Nothing runs.').waitFor()
    await page.context().setOffline(true)
    await page.getByText('No connection').waitFor()
    await page.getByRole('alert').waitFor()
    expect(await page.getByText('Nothing runs.').isVisible()).toBe(true)
    await page.context().setOffline(false)
    await page.getByText('Live').waitFor()
  })

  test('a page that nobody sees asks nothing', async () => {
    const page = await open(stage.server.url)
    const asked = await answerWith(page, { data: example })
    await page.clock.install()
    await page.reload()
    await page.getByText(english.live).waitFor()
    const show = (isHidden: boolean) =>
      page.evaluate((isHidden) => {
        Object.defineProperty(document, 'hidden', { configurable: true, value: isHidden })
        document.dispatchEvent(new Event('visibilitychange'))
      }, isHidden)
    await show(true)
    const before = asked.length
    await page.clock.runFor(60_000)
    expect(asked.length).toBe(before)
    await show(false)
    await expect.poll(() => asked.length).toBe(before + 1)
  })
})

describe('with fixed data', () => {
  const stage = usePageStage({ SLUICE_OPERATOR: '1' })

  test.each([
    ['English', english, { locale: 'en-US' }],
    ['Chinese', chinese, { locale: 'zh-CN' }],
    ['Chinese, on a phone', chinese, { locale: 'zh-CN', ...phone }],
    ['English, on a phone', english, phone],
    ['English, on the smallest phone', english, { ...phone, viewport: { width: 320, height: 568 } }],
  ])('axe-core finds nothing, in light and dark, and nothing is wider than the window: %s', async (_name, words, options) => {
    const page = await open(stage.server.url, options)
    await answerWith(page, { data: example })
    await page.getByText(words.states.detached).waitFor()
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(words.tag)
    for (const text of [words.breakers.open, words.breakers.half_open, words.warm, words.times('14'), words.title])
      expect(await page.getByText(text).first().isVisible(), text).toBe(true)
    expect(await hasNoScroll(page)).toBe(true)
    expect(await findBarriers(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await findBarriers(page, ['color-contrast'])).toEqual([])
  })

  test('language and colours are a choice, which the chat page shares and a reload keeps', async () => {
    const page = await open(stage.server.url)
    await page.getByLabel(english.language).selectOption('zh-CN')
    await page.getByLabel(chinese.colours).selectOption(chinese.dark)
    await page.reload()
    await page.getByRole('heading', { name: chinese.running }).waitFor()
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark')
    await page.goto(`${stage.server.url}/`)
    await page.locator('#message').waitFor()
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN')
  })

  test('names of models and keys are text, and long ones wrap', async () => {
    const page = await open(stage.server.url, phone)
    const name = `<img src=x onerror=alert(1)>${'x'.repeat(200)}`
    const [stream] = example.streams
    const [host] = example.hosts
    await answerWith(page, {
      data: {
        ...example,
        streams: [{ ...stream!, model: name, key: name }],
        hosts: [{ ...host!, name, loaded: [name] }],
        failures: [{ ...example.failures[0]!, model: name, code: name, cause: name }],
      },
    })
    await page.getByRole('heading', { name }).first().waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await hasNoScroll(page)).toBe(true)
  })

  test('a stream that ended meanwhile is told, and so is a server that does not stop it', async () => {
    const page = await open(stage.server.url, { expected: [/Failed to load resource/] })
    await answerWith(page, { data: example })
    const asked: string[] = []
    let answer = 500
    await page.route('**/status/streams?*', (route) => {
      asked.push(new URL(route.request().url()).search)
      return route.fulfill({ status: answer })
    })
    const stop = page.getByRole('button', { name: 'Stop qwen3:8b of alice' })
    const press = async () => {
      await stop.click()
      await page.getByRole('button', { name: 'Really stop?' }).click()
    }
    await press()
    await expect.poll(() => page.getByRole('status').innerText()).toBe(english.unstopped)
    answer = 404
    await press()
    await expect.poll(() => page.getByRole('status').innerText()).toBe(english.notStopped)
    expect(asked).toEqual(['?request_id=a&key=alice', '?request_id=a&key=alice'])
  })
})

describe('with keys', () => {
  const key = 'open-sesame'
  const stage = usePageStage({ SLUICE_API_KEYS: `somebody:${createHash('sha256').update(key).digest('hex')}` })
  const expected = [/status of 40[14]/]

  test.each([
    ['English', english, { locale: 'en-US' }],
    ['Chinese', chinese, { locale: 'zh-CN' }],
    ['English, on a phone', english, phone],
  ])('without the right, the page says what to do, and axe-core finds nothing: %s', async (_name, words, options) => {
    const page = await open(stage.server.url, { expected, ...options })
    await page.getByRole('heading', { name: words.locked }).waitFor()
    await page.getByText('SLUICE_OPERATOR=1').waitFor()
    const enter = async (text: string) => {
      await page.getByLabel(words.key, { exact: true }).fill(text)
      await page.keyboard.press('Enter')
    }
    expect(await findBarriers(page)).toEqual([])
    await enter('wrong')
    await page.getByText(words.wrong).waitFor()
    await enter(key)
    await page.getByText(words.noRight).waitFor()
    expect(await findBarriers(page)).toEqual([])
    expect(await hasNoScroll(page)).toBe(true)
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await findBarriers(page, ['color-contrast'])).toEqual([])
  })

  test('the right key opens the page, stays in the tab, leaves that of the chat alone, and can be forgotten', async () => {
    const page = await open(stage.server.url, { expected })
    await answerWith(page, { data: example, key: 'of-the-operator' })
    await page.evaluate((key) => (localStorage['sluice.key'] = key), key)
    await page.reload()
    // The key of the chat page is tried first.
    await page.getByText(english.noRight).waitFor()
    await page.getByLabel(english.key, { exact: true }).fill('of-the-operator')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: english.running }).waitFor()
    const kept = () =>
      page.evaluate(() => [sessionStorage, localStorage].map((storage) => Object.fromEntries(Object.entries(storage))))
    expect(await kept()).toEqual([{ 'sluice.operator-key': 'of-the-operator' }, { 'sluice.key': key }])
    await page.reload()
    await page.getByRole('button', { name: english.forget }).click()
    await page.getByText(english.noRight).waitFor()
    expect(await kept()).toEqual([{}, { 'sluice.key': key }])
  })

  test('a key that loses its right loses the page', async () => {
    const page = await open(stage.server.url, { expected })
    const state = { data: example, key: 'of-the-operator' }
    await answerWith(page, state)
    await page.getByLabel(english.key, { exact: true }).fill('of-the-operator')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: english.running }).waitFor()
    state.key = 'another'
    await page.getByText(english.wrong).waitFor()
    expect(await page.getByRole('heading', { name: english.running }).count()).toBe(0)
  })
})

describe('below a path', () => {
  const stage = usePageStage({ SLUICE_OPERATOR: '1', SLUICE_BASE: '/tools/智能' })

  test('the page requests nothing else', async () => {
    const page = await open(`${stage.server.url}/tools/${encodeURIComponent('智能')}`)
    await page.getByText(english.live).waitFor()
    expect(await page.getByRole('link', { name: english.chat }).evaluate((link: HTMLAnchorElement) => link.href)).toBe(
      `${stage.server.url}/tools/${encodeURIComponent('智能')}/`,
    )
  })
})
