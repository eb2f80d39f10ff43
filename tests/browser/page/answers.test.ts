import { describe, expect, onTestFinished, test } from 'vitest'
import { silent } from '#fake-ollama/scripts.ts'
import { startServer } from '../../runtimes/server.ts'
import { read, see } from './chat-page.ts'
import { begins, finish, goesOn, says, toLine } from './ollama.ts'
import { useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
const stage = usePageStage({ SLUICE_ALLOWED_HOSTS: 'lan.test' })
const come = (options?: Parameters<typeof visitPage>[2]) => visitPage(chromium.browser, stage.server.url, options)

describe('a first visit', () => {
  test('to the demo gets an answer after one click, and the page says that no model is behind it', async () => {
    const server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
    try {
      const { page, button, answer, stop } = await visitPage(chromium.browser, server.url)
      await see(page.locator('.badge'), 'Demo')
      await see(page.locator('.fine'), 'Demo: no model behind it')
      await button(/What is Sluice/).click()
      await see(answer(), /to first token/)
      await stop.click()
      await see(answer(), 'Stopped. The GPU is free.')
    } finally {
      await server.stop()
    }
  })

  test('begins with the focus in the message field, and Enter sends', async () => {
    const { page, field, answer, question } = await come()
    await see(page.getByRole('main'), 'What is on your mind?')
    await see(page.locator('.fine'), 'Chats stay in this browser.')
    await page.keyboard.type('Hello, whoever you are')
    await page.keyboard.press('Enter')
    await see(question(), 'Hello, whoever you are')
    await see(answer(), 'You asked: Hello, whoever you are')
    expect(await field.inputValue()).toBe('')
    expect(await page.title()).toBe('Hello, whoever you are – Sluice')
  })
})

describe('an answer', () => {
  test('shows at its end the time to the first token, the speed and the number of tokens', async () => {
    stage.ollama.on('Figures?', says('Three', ' tokens', ' here'))
    const { ask, answer, settled } = await come()
    await ask('Figures?')
    await settled()
    await see(answer(), 'Three tokens here')
    expect(await answer().locator('.figures').innerText()).toMatch(
      /^talker · \d+(\.\d)? s to first token · 33 tokens\/s · 3 tokens · 9 read$/,
    )
  })

  test('grows as its tokens arrive', async () => {
    stage.ollama.on('Bit by bit', begins(['One'], goesOn(' two')))
    const { ask, answer, stop, settled } = await come()
    await ask('Bit by bit')
    await see(answer(), 'One')
    await see(answer(), /to first token · 1 tokens?$/)
    await stop.waitFor()
    const { request } = await stage.ollama.asked('Bit by bit')
    request.exchange.pass()
    await settled()
    await see(answer(), 'One two')
    expect(await stop.count()).toBe(0)
  })

  test('that is stopped keeps its text, stops the upstream, and says that the GPU is free', async () => {
    stage.ollama.on('Stop me', begins(['The first', ' half']))
    const { ask, answer, stop, field, button } = await come()
    await ask('Stop me')
    await see(answer(), 'The first half')
    const { request } = await stage.ollama.asked('Stop me')
    await stop.click()
    await request.exchange.closedByReader
    await see(answer(), 'Stopped. The GPU is free.')
    await see(answer(), 'The first half')
    await see(answer().locator('.figures'), /^talker · /)
    // The field has the focus immediately, so that the user can type the next question.
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true)
    await button('Continue').waitFor()
  })

  test('is stopped by Escape before its first token, too', async () => {
    stage.ollama.on('Stop early', silent())
    const { ask, answer, page } = await come({ expected: [/status of 499/] })
    await ask('Stop early')
    const { request } = await stage.ollama.asked('Stop early')
    await page.keyboard.press('Escape')
    await request.exchange.closedByReader
    await see(answer(), 'Stopped. The GPU is free.')
  })

  test('is tried again as another version, and the first version stays', async () => {
    stage.ollama.on('Again?', says('First try'), says('Second try'), says('Third try'))
    const { ask, answer, button, settled } = await come()
    await ask('Again?')
    await settled()
    for (const [text, place] of [
      ['Second try', '2/2'],
      ['Third try', '3/3'],
    ] as const) {
      await answer().getByRole('button', { name: 'Try again' }).click()
      await see(answer(), text)
      await see(answer(), place)
      await settled()
    }
    await button('Version before').click()
    await see(answer(), 'Second try')
    await see(answer(), '2/3')
    await button('Version before').click()
    await see(answer(), 'First try')
    expect(await button('Version before').isDisabled()).toBe(true)
    await button('Version after').click()
    await see(answer(), 'Second try')
  })

  test('that was cut off at the limit goes on where it ended', async () => {
    stage.ollama.on(
      'A long one',
      begins(['It was a dark'], (exchange) => finish(exchange, { done_reason: 'length' })),
      says(' and stormy', ' night'),
    )
    const { ask, answer, button, settled } = await come()
    await ask('A long one')
    await see(answer(), 'It was a dark')
    const first = await stage.ollama.asked('A long one')
    first.request.exchange.pass()
    await see(answer(), 'Cut off at the limit.')
    await button('Continue').click()
    const { body } = await stage.ollama.asked('A long one', 2)
    expect(body.messages).toEqual([
      { role: 'user', content: 'A long one' },
      { role: 'assistant', content: 'It was a dark' },
    ])
    await see(answer(), 'It was a dark and stormy night')
    await settled()
    expect(await read(answer())).not.toContain('Cut off')
    await see(answer(), '6 tokens')
  })

  test('shows how long the model thought, and the thoughts only once they are opened', async () => {
    stage.ollama.on(
      'Think first',
      begins([''], (exchange) => exchange.chunk(toLine({ thinking: 'Hm, let me see' }))),
    )
    const { ask, answer, page } = await come()
    await ask('Think first')
    const { request } = await stage.ollama.asked('Think first')
    request.exchange.pass()
    await see(answer(), 'Thinking')
    await see(answer().locator('.seconds'), '1 s')
    request.exchange.chunk(toLine({ content: 'I see' }))
    await see(answer(), 'I see')
    expect(await read(answer())).not.toContain('Hm')
    await page.getByText('Thoughts').click()
    await see(answer(), 'Hm, let me see')
    finish(request.exchange)
    await see(answer(), /Thought for [1-9](?:\.\d)? s/)
    // An opened part stays open.
    await see(answer(), 'Hm, let me see')
  })

  test('shows the tools that it calls, with their arguments', async () => {
    stage.ollama.on(
      'Weather?',
      begins([], (exchange) => {
        const call = { id: 'call_1', function: { index: 0, name: 'get_weather', arguments: { city: 'Tokyo' } } }
        exchange.chunk(toLine({ tool_calls: [call] }))
        finish(exchange)
      }),
    )
    const { ask, answer, page, settled } = await come()
    await ask('Weather?')
    ;(await stage.ollama.asked('Weather?')).request.exchange.pass()
    await settled()
    await page.getByText('Called get_weather').click()
    await see(answer(), '"city": "Tokyo"')
  })
})

describe('a question', () => {
  test('that is edited becomes a branch: both questions are kept, with all that follows them', async () => {
    stage.ollama.on('Cats?', says('About cats'))
    stage.ollama.on('And their tails?', says('About tails'))
    stage.ollama.on('Dogs?', says('About dogs'))
    const { ask, answer, question, button, page, settled, reload } = await come()
    await ask('Cats?')
    await settled()
    await ask('And their tails?')
    await see(answer(), 'About tails')
    await settled()
    await question(0).getByRole('button', { name: 'Edit' }).click()
    const editor = page.getByRole('textbox', { name: 'Edit the message' })
    await editor.fill('Dogs?')
    await editor.press('Enter')
    await see(answer(), 'About dogs')
    await settled()
    const { body } = await stage.ollama.asked('Dogs?')
    expect(body.messages).toEqual([{ role: 'user', content: 'Dogs?' }])
    await see(question(), '2/2')
    expect(await page.locator('article').count()).toBe(2)
    await button('Version before').click()
    await see(answer(), 'About tails')
    expect(await page.locator('article').count()).toBe(4)
    await reload()
    await see(answer(), 'About tails')
    await button('Version after').click()
    await see(answer(), 'About dogs')
  })

  test('is unchanged when its editor is cancelled', async () => {
    const { ask, question, page, settled } = await come()
    await ask('Never mind')
    await settled()
    await question().getByRole('button', { name: 'Edit' }).click()
    await page.getByRole('textbox', { name: 'Edit the message' }).fill('Something else')
    await page.keyboard.press('Escape')
    await see(question(), 'Never mind')
    expect(stage.ollama.countOf('Something else')).toBe(0)
  })
})

describe('copying', () => {
  const markdown = 'Look:\n\n```js\nconst a = 1\nconst b = 2\n```\n\nDone.'

  test('takes a message as its Markdown source, and a code block alone', async () => {
    stage.ollama.on('Code?', says(markdown))
    const { ask, answer, button, page, context, settled } = await come()
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    const copied = () => page.evaluate(() => navigator.clipboard.readText())
    await ask('Code?')
    await settled()
    await button('Copy code').click()
    await button('Copied').waitFor()
    expect(await copied()).toBe('const a = 1\nconst b = 2')
    await answer().getByRole('button', { name: 'Copy', exact: true }).click()
    await expect.poll(copied).toBe(markdown)
  })

  test('works over plain http in a LAN, where the browser has no clipboard for scripts', async () => {
    stage.ollama.on('Code in the LAN?', says(markdown))
    const { ask, button, page, field, settled } = await visitPage(chromium.browser, `http://lan.test:${stage.server.port}`)
    expect(await page.evaluate(() => [isSecureContext, 'clipboard' in navigator])).toEqual([false, false])
    await ask('Code in the LAN?')
    await settled()
    await button('Copy code').click()
    await button('Copied').waitFor()
    await field.focus()
    await page.keyboard.press('ControlOrMeta+V')
    expect(await field.inputValue()).toBe('const a = 1\nconst b = 2')
  })
})

describe('before the first token, the page shows what it waits for, and how long', () => {
  test('the connection, until the server reports a status', async () => {
    stage.ollama.on('Nobody knows', silent())
    const { ask, answer, chooseModel } = await come()
    await chooseModel('talker')
    stage.ollama.tellsLoaded(false)
    onTestFinished(() => stage.ollama.tellsLoaded(true))
    await ask('Nobody knows')
    await see(answer(), 'Connecting')
  })

  test('the model, while it is loaded; then the first token takes its place', async () => {
    stage.ollama.on('Load', silent())
    const { ask, answer, chooseModel } = await come()
    await chooseModel('newest:70b')
    await ask('Load')
    await see(answer(), /Loading the model 1 s/)
    const { request } = await stage.ollama.asked('Load')
    await says('Loaded')(request.exchange)
    await see(answer(), 'Loaded')
    expect(await read(answer())).not.toContain('Loading the model')
  })

  test('the prompt, when the model is in memory', async () => {
    stage.ollama.on('Read this', silent())
    const { ask, answer } = await come()
    await ask('Read this')
    await see(answer(), 'Reading the prompt')
  })
})

describe('the end of a growing answer stays in view', () => {
  const screens = Array.from({ length: 40 }, (_, index) => `\n\nParagraph ${index}`)
  const toRest = (element: Element) => element.scrollHeight - element.clientHeight - element.scrollTop

  test('while the reader is at the end, and not once they have scrolled up', async () => {
    stage.ollama.on('Much', begins(screens))
    const { ask, answer, button, page } = await come()
    await ask('Much')
    await see(answer(), 'Paragraph 39')
    const scroller = page.locator('.scroller')
    await expect.poll(() => scroller.evaluate(toRest)).toBeLessThan(2)
    const { exchange } = (await stage.ollama.asked('Much')).request

    await scroller.hover()
    await page.mouse.wheel(0, -400)
    await button('To the newest').waitFor()
    const before = await scroller.evaluate((element) => element.scrollTop)
    exchange.chunk(toLine({ content: screens.join('').replaceAll('Paragraph', 'More') }))
    await see(answer(), 'More 39')
    expect(await scroller.evaluate((element) => element.scrollTop)).toBe(before)

    await button('To the newest').click()
    await expect.poll(() => scroller.evaluate(toRest)).toBeLessThan(2)
    exchange.chunk(toLine({ content: screens.join('').replaceAll('Paragraph', 'And more') }))
    await see(answer(), 'And more 39')
    await expect.poll(() => scroller.evaluate(toRest)).toBeLessThan(2)
    expect(await button('To the newest').count()).toBe(0)
  })
})
