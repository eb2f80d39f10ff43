import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { read, see } from './chat-page.ts'
import { begins, finish, refuses, sayJson, says, toLine } from './ollama.ts'
import { useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
const stage = usePageStage()
// The test fails at the end of the visit if an attack worked: if the page opened a dialog, wrote to
// the console, or sent a request to another site.
const come = () => visitPage(chromium.browser, stage.server.url, { expected: [/Failed to load resource.*status of [45]/] })

const evil = 'http://evil.test:9'
const attack = [
  '<img src=x onerror=alert(1)>',
  `<script src="${evil}/a.js"></script><script>alert(2)</script>`,
  `"><svg onload=alert(3)><iframe src="${evil}/b" srcdoc="<script>alert(4)</script>"></iframe>`,
  `'onfocus=alert(5) autofocus tabindex=0 style='background:url(${evil}/c)'`,
  `<link rel=stylesheet href=${evil}/d.css><base href=${evil}/><meta http-equiv=refresh content="0;${evil}">`,
  '{{constructor.constructor("alert(6)")()}}',
].join('')
/** The attack as the page must show it: as text. */
const shown = '<img src=x onerror=alert(1)>'

/** Elements that the page itself never creates, or never creates in this form. */
const foreign = (page: Page) =>
  page
    .locator('img:not([src^="data:image/"]), svg[onload], iframe, object, embed, base, meta[http-equiv], [onerror], [onfocus]')
    .or(
      page.locator(
        'script:not([src^="/assets/"]), link:not([href^="/assets/"]):not([href^="data:"]), a[href^="javascript:" i]',
      ),
    )
    .count()

describe('hostile text is nothing but text', () => {
  test('as a question, a title and an answer', async () => {
    stage.ollama.on(
      attack,
      says(...(attack.match(/[^]{1,7}/g) ?? []), '\n\n[link](javascript:alert(7)) ![i](', evil, '/i.png)'),
    )
    const { ask, answer, question, settled, row, page, button, dialog, reload } = await come()
    await ask(attack)
    await settled()
    await see(question(), shown)
    await see(answer(), 'link')
    expect(await page.title()).toContain(shown)
    await see(page.getByRole('heading', { level: 1 }), shown)
    await row('onerror').hover()
    await row('onerror').getByRole('button', { name: 'Actions for' }).click()
    await page.getByRole('menuitem', { name: 'Rename' }).click()
    await page.getByRole('textbox', { name: 'Title' }).fill(`Mine: ${attack}`.slice(0, 200))
    await button('Save').click()
    await dialog.waitFor({ state: 'detached' })
    await row('Mine').hover()
    await row('Mine').getByRole('button', { name: 'Actions for' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await see(dialog, `Delete “Mine: ${shown}`)
    expect(await foreign(page)).toBe(0)
    await reload()
    await row('Mine').waitFor()
    expect(await foreign(page)).toBe(0)
  })

  test("as Ollama's models, their facts, and its version", async () => {
    stage.ollama.has([
      { name: attack, isLoaded: true },
      { name: 'plain:latest', capabilities: ['completion', attack, 'vision'] },
      { name: '__proto__', capabilities: ['constructor'] },
      { name: `javascript:alert(1)//${evil}` },
    ])
    onTestFinished(stage.upstream.on('GET /api/version', (exchange) => sayJson(exchange, { version: attack })))
    const { page, openSettings, dialog, ask, answer } = await come()
    // The default model is never a text that is no name.
    await page.getByRole('button', { name: /^Model: (?!<)/ }).click()
    await see(page.getByRole('listbox'), shown)
    await see(page.getByRole('listbox'), 'Vision')
    await page.getByRole('option').first().click()
    await ask('You there')
    await see(answer(), 'No answer')
    await openSettings()
    await see(dialog, `Ollama ${shown}`)
    expect(await foreign(page)).toBe(0)
  })

  test("as Ollama's errors, before and in the middle of an answer", async () => {
    // This error begins with a word, because Sluice does not pass on errors that begin like HTML
    // (docs/protocol.md#4-errors).
    const error = `cannot: ${attack}`
    stage.ollama.on('Early', refuses(400, error))
    stage.ollama.on(
      'Late',
      begins(['Half'], (exchange) => {
        exchange.chunk(`${JSON.stringify({ error })}\n`)
        exchange.end()
      }),
    )
    const { ask, answer, page } = await come()
    await ask('Early')
    await see(answer(), `cannot: ${shown}`)
    await ask('Late')
    await see(answer(), 'Half')
    ;(await stage.ollama.asked('Late')).request.exchange.pass()
    await see(answer(), 'Ollama gave up')
    await see(answer(), `cannot: ${shown}`)
    expect(await foreign(page)).toBe(0)
  })

  test('as thoughts, tools and their arguments, and the name of the answering model', async () => {
    stage.ollama.on(
      'Call',
      begins([], (exchange) => {
        exchange.chunk(toLine({ thinking: attack }))
        const call = { name: attack, arguments: { [attack]: attack, __proto__: attack } }
        exchange.chunk(toLine({ tool_calls: [{ function: call }] }))
        finish(exchange, { model: attack, done_reason: attack })
      }),
    )
    const { ask, answer, page, settled } = await come()
    await ask('Call')
    ;(await stage.ollama.asked('Call')).request.exchange.pass()
    await settled()
    for (const summary of await answer().locator('summary').all()) await summary.click()
    await see(answer().locator('.aside').first(), shown)
    await see(answer().locator('pre'), shown)
    await see(answer(), `Called ${shown}`)
    await see(answer().locator('.figures'), shown)
    expect(await foreign(page)).toBe(0)
  })

  test('in every field of an imported file, and values that are not text are left out', async () => {
    const at = Date.now() - 1000
    const message = { createdAt: at, updatedAt: at, text: attack }
    const chat = (id: string, more: object) => ({
      id,
      title: attack,
      createdAt: at,
      updatedAt: at,
      settings: { model: attack, system: attack, keepAlive: attack, temperature: attack, numCtx: 1e9 },
      messages: {
        q: {
          ...message,
          id: 'q',
          parent: '',
          role: 'user',
          images: [attack, `x" onerror="alert(1)`, 'PHN2Zz4=', `${evil}/i.png`],
        },
        a: {
          ...message,
          id: 'a',
          parent: 'q',
          role: 'assistant',
          model: attack,
          thinking: attack,
          thinkingMs: attack,
          toolCalls: [{ name: attack, arguments: { [attack]: attack } }, { name: 1 }, attack],
          end: {
            how: 'failed',
            code: attack.slice(0, 60),
            text: attack,
            requestId: attack.slice(0, 100),
            retryAfterSeconds: attack,
          },
          usage: { tokens: attack, promptTokens: attack },
        },
        ...more,
      },
      chosen: { '': attack, q: attack, [attack]: attack },
    })
    const file = JSON.stringify({
      format: 'sluice-chats',
      version: 1,
      chats: [
        chat('bad-one', {}),
        chat('bad-two', { __proto__: null, x: { ...message, id: attack, parent: attack, role: 'user' } }),
        chat(attack, {}),
        attack,
        null,
        { ...chat('bad-three', {}), messages: attack },
      ],
    }).replace('"bad-two"', '"bad-two","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}')
    const { page, openSettings, dialog, answer, question, rows, openOptions, reload } = await come()
    await openSettings()
    await page
      .locator('input[type=file][accept*=json]')
      .setInputFiles({ name: `${shown}.json`, mimeType: 'application/json', buffer: Buffer.from(file) })
    await see(dialog, '2 taken in.')
    await page.keyboard.press('Escape')
    for (const index of [0, 1]) {
      await rows.nth(index).getByRole('button').first().click()
      await see(question(), shown)
      await see(answer(), shown)
      for (const summary of await answer().locator('summary').all()) await summary.click()
      expect(await question().locator('img').count()).toBe(0)
      expect(await foreign(page)).toBe(0)
    }
    await openOptions()
    expect(await page.getByLabel('System prompt').inputValue()).toBe(attack)
    expect(await page.getByLabel('Temperature').inputValue()).toBe('')
    expect(await page.evaluate(() => 'polluted' in {})).toBe(false)
    await reload()
    await see(answer(), shown)
    expect(await foreign(page)).toBe(0)
  })

  test("in the page's address", async () => {
    const { page } = await come()
    for (const hash of [`#/c/${attack}`, '#/c/__proto__', '#/c/constructor', `#${attack}`, `#/c/../../${evil}`]) {
      await page.evaluate((hash) => (location.hash = hash), hash)
      await see(page.getByRole('main'), 'What is on your mind?')
    }
    expect(await foreign(page)).toBe(0)
    expect(await read(page.locator('.sidebar'))).toContain('Chats that you begin appear here.')
  })
})
