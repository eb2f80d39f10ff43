import { describe, expect, test } from 'vitest'
import { silent } from '#fake-ollama/scripts.ts'
import type { Script } from '#fake-ollama/upstream.ts'
import { startServer } from '../../runtimes/server.ts'
import { read, see } from './chat-page.ts'
import type { ChatPage } from './chat-page.ts'
import { begins, refuses, says } from './ollama.ts'
import { toEntry, useBrowser, usePageStage, useVisit, visitPage } from './stage.ts'

const chromium = useBrowser()

/** The console messages that deliberate failures cause. */
const expected = [/Failed to load resource/]
const errorLine: Script = (exchange) => {
  exchange.chunk('{"error":"CUDA error: out of memory"}\n')
  exchange.end()
}

describe('an answer that fails', () => {
  const stage = usePageStage()
  const impatient = usePageStage({ SLUICE_IDLE_TIMEOUT_MS: '400', SLUICE_FIRST_TOKEN_TIMEOUT_MS: '400' })
  const here = useVisit(chromium, stage, { expected })
  const there = useVisit(chromium, impatient, { expected })

  test.each<[name: string, at: typeof here, end: Script, title: string, ...texts: string[]]>([
    ['by an error line', here, errorLine, 'Ollama gave up', 'out of memory: a smaller one', 'CUDA error: out of memory'],
    ['by the death of Ollama', here, (exchange) => exchange.reset(), 'Ollama gave up'],
    ['without a word', here, (exchange) => exchange.end(), 'The answer broke off', 'Continue, or try again.'],
    ['by silence', there, () => {}, 'The model fell silent', 'Continue, or try again.'],
  ])('in the middle %s keeps its text, says what happened, and can be continued', async (name, at, end, title, ...texts) => {
    const question = `Fail ${name}`
    at.ollama.on(question, begins(['Half of', ' an answer'], end), says(' and the rest'))
    const { newChat, ask, answer, button, page, settled, reload } = at.visitor
    await newChat()
    await ask(question)
    await see(answer(), 'Half of an answer')
    ;(await at.ollama.asked(question)).request.exchange.pass()
    await see(answer(), title)
    for (const text of [...texts, 'Half of an answer', 'What has arrived is kept.', /Request page-[0-9a-f]{24}/])
      await see(answer(), text)
    await see(answer().locator('.figures'), 'talker')
    await expect.poll(() => page.getByRole('status').textContent()).toBe(`Failed: ${title}`)
    await reload()
    await see(answer(), title)
    await see(answer().locator('.figures'), 'talker')
    await button('Continue').click()
    await see(answer(), 'Half of an answer and the rest')
    await settled()
    expect(await read(answer())).not.toContain(title)
  })

  test.each<[name: string, at: typeof here, script: Script, title: string, ...texts: string[]]>([
    [
      'for want of the model',
      here,
      refuses(404, "model 'talker' not found"),
      'The model is not there',
      'pull it with “ollama pull”',
    ],
    [
      'as Ollama is busy',
      here,
      refuses(503, 'server busy, please try again', { 'retry-after': '7' }),
      'Ollama is busy',
      'Try again in 7 s.',
    ],
    ['by an error of Ollama', here, refuses(500, 'llama runner has died'), 'Ollama gave up', 'llama runner has died'],
    [
      'by a refusal that the page does not know',
      here,
      refuses(400, 'talker does not support thinking'),
      'No answer',
      'does not support thinking',
    ],
    ['by silence', there, silent(), 'It took too long', 'too large for this machine'],
    [
      'by nonsense',
      here,
      (exchange) => (exchange.head(200, { 'content-type': 'text/html' }), exchange.chunk('<p>Hi'), exchange.end()),
      'No answer',
    ],
  ])('at its start %s says what to do, and “Try again” replaces it', async (name, at, script, title, ...texts) => {
    const question = `Refuse ${name}`
    at.ollama.on(question, script, says('Here I am'))
    const { newChat, ask, answer, settled, page } = at.visitor
    await newChat()
    await ask(question)
    for (const text of [title, ...texts, 'Request page-']) await see(answer(), text)
    expect(await read(answer())).not.toContain('What has arrived')
    await answer().getByRole('button', { name: 'Try again' }).first().click()
    await see(answer(), 'Here I am')
    await settled()
    expect(await page.locator('.branches').count()).toBe(0)
  })
})

describe('without an Ollama', () => {
  const stage = usePageStage()
  const come = () => visitPage(chromium.browser, stage.server.url, { expected })

  test('that can be reached, the page says so, and recovers once Ollama is back', async () => {
    await stage.upstream.stop()
    const { page, field, button, answer, ask, settled } = await come()
    await see(page.getByRole('main'), 'Ollama does not answer')
    await see(page.getByRole('main'), 'ollama serve')
    await field.fill('Are you there?')
    expect(await button('Send').isDisabled()).toBe(true)
    await stage.upstream.start()
    await see(page.getByRole('main'), 'What is on your mind?')
    expect(await field.inputValue()).toBe('Are you there?')
    await field.press('Enter')
    await see(answer(), 'You asked: Are you there?')
    await settled()
    // Ollama dies again in the middle of a chat.
    await stage.upstream.stop()
    await ask('And now?')
    await see(answer(), 'Ollama does not answer')
    await see(page.locator('.dock'), 'ollama serve')
    await stage.upstream.start()
    await page.locator('.dock').getByRole('button', { name: 'Look again' }).click()
    await page.locator('.dock .card').waitFor({ state: 'detached' })
    await answer().getByRole('button', { name: 'Try again' }).first().click()
    await see(answer(), 'You asked: And now?')
  })

  test('that has a model, the page says how to get one, and finds it by itself', async () => {
    stage.ollama.has([])
    const { page, button } = await come()
    await see(page.getByRole('main'), 'No models yet')
    await see(page.getByRole('main'), 'ollama pull')
    stage.ollama.has([{ name: 'fresh:latest' }])
    await see(page.getByRole('main'), 'What is on your mind?')
    await button('Model: fresh:latest').waitFor()
  })
})

describe('when the server fails', () => {
  const stage = usePageStage()

  /** Starts a Sluice server that can be stopped and started again on the same port. */
  async function withOwnServer(
    act: (own: {
      url: string
      signal(name: NodeJS.Signals): void
      end(): Promise<void>
      begin(env?: Readonly<Record<string, string>>): Promise<void>
    }) => Promise<void>,
    first: Readonly<Record<string, string>> = {},
  ) {
    const start = (env: Readonly<Record<string, string>>) =>
      startServer('node', { OLLAMA_HOST: stage.upstream.url, SLUICE_LOG: 'silent', ...env })
    let server = await start(first)
    const { url, port } = server
    try {
      await act({
        url,
        signal: (name) => server.signal(name),
        end: () => server.stop(),
        begin: async (env = {}) => void (server = await start({ PORT: String(port), ...env })),
      })
    } finally {
      await server.stop()
    }
  }
  const halfAnswer = async ({ ask, answer }: ChatPage, question: string) => {
    stage.ollama.on(question, begins(['Half of', ' it']), says(' and the rest'))
    await ask(question)
    await see(answer(), 'Half of it')
  }

  test('the page reconnects, says that the rest is lost when the server is back, and the answer can be continued', () =>
    withOwnServer(async ({ url, end, begin }) => {
      const visitor = await visitPage(chromium.browser, url, { expected })
      const { answer, settled, button } = visitor
      await halfAnswer(visitor, 'Until the server is killed')
      await end()
      await see(answer(), 'Half of it Reconnecting')
      await begin()
      await see(answer(), 'Half of it The server no longer has the rest of this answer.')
      await button('Continue').click()
      await see(answer(), 'Half of it and the rest')
      await settled()
    }))

  test('an answer that cannot be resumed breaks off, and can be continued when the server is back', () =>
    withOwnServer(
      async ({ url, end, begin }) => {
        const visitor = await visitPage(chromium.browser, url, { expected })
        const { answer, page, settled, button } = visitor
        await halfAnswer(visitor, 'Until the server dies')
        await end()
        for (const text of ['The connection broke', 'Look whether it runs', 'What has arrived is kept.', 'Half of it'])
          await see(answer(), text)
        await see(page.locator('.dock'), 'Sluice does not answer')
        await begin()
        await page.locator('.dock .card').waitFor({ state: 'detached' })
        await button('Continue').click()
        await see(answer(), 'Half of it and the rest')
        await settled()
      },
      { SLUICE_RESUME_MAX_SECONDS: '0' },
    ))

  test('Stop ends the answer of a server that hangs, and the page does not say that the GPU is free', () =>
    withOwnServer(async ({ url, signal }) => {
      const visitor = await visitPage(chromium.browser, url, { expected })
      await halfAnswer(visitor, 'Until the server hangs')
      signal('SIGSTOP')
      await visitor.stop.click()
      await see(visitor.answer(), 'Stopped.')
      await see(visitor.answer(), 'Half of it')
      expect(await read(visitor.answer())).not.toContain('GPU')
    }))

  test('an answer that reaches the total time limit can be continued', () =>
    withOwnServer(
      async ({ url }) => {
        const visitor = await visitPage(chromium.browser, url, { expected })
        await halfAnswer(visitor, 'Until the time is over')
        for (const text of ['It took too long', 'Continue for more.', 'What has arrived is kept.', 'Half of it'])
          await see(visitor.answer(), text)
        await visitor.button('Continue').click()
        await see(visitor.answer(), 'Half of it and the rest')
      },
      { SLUICE_TOTAL_TIMEOUT_MS: '400' },
    ))

  test('an answer that a shutdown ends says so, and keeps its text', () =>
    withOwnServer(
      async ({ url, signal }) => {
        const visitor = await visitPage(chromium.browser, url, { expected })
        await halfAnswer(visitor, 'Until the server restarts')
        signal('SIGTERM')
        for (const text of ['The server is restarting', 'Try again in a moment.', 'What has arrived is kept.', 'Half of it'])
          await see(visitor.answer(), text)
      },
      { SLUICE_SHUTDOWN_GRACE_MS: '100' },
    ))

  test('a refused key is asked for again, and “Try again” then gets the answer', () =>
    withOwnServer(
      async ({ url, end, begin }) => {
        const { page, dialog, ask, answer, button, settled } = await visitPage(chromium.browser, url, { expected })
        await page.getByLabel('Key', { exact: true }).fill('first-secret')
        await button('Unlock').click()
        await see(page.getByRole('main'), 'What is on your mind?')
        await end()
        await begin({ SLUICE_API_KEYS: toEntry('second-secret') })
        await ask('With the old key')
        await see(dialog, 'A key is needed')
        await see(answer(), 'The server wants a key')
        await page.getByLabel('Key', { exact: true }).fill('second-secret')
        await button('Unlock').click()
        await dialog.waitFor({ state: 'detached' })
        await answer().getByRole('button', { name: 'Try again' }).first().click()
        await see(answer(), 'You asked: With the old key')
        await settled()
      },
      { SLUICE_API_KEYS: toEntry('first-secret') },
    ))
})

describe('when the server is busy with other answers', () => {
  const stage = usePageStage({ SLUICE_UPSTREAM_STREAMS: '1', SLUICE_QUEUE: '1' })

  test('an answer waits in line, says so, and comes when the answer before it ends', async () => {
    stage.ollama.on('First in line', begins(['The first']))
    stage.ollama.on('Second in line', says('The second'))
    const { ask, answer, stop, newChat, openChat } = await visitPage(chromium.browser, stage.server.url, { expected })
    await ask('First in line')
    await see(answer(), 'The first')
    await newChat()
    await ask('Second in line')
    await see(answer(), 'Waiting in line')
    expect(stage.ollama.countOf('Second in line')).toBe(0)
    await openChat('First in line')
    await stop.click()
    await see(answer(), 'Stopped. The GPU is free.')
    await openChat('Second in line')
    await see(answer(), 'The second')
  })

  test('and the line is full, an answer is refused, and says when to try again', async () => {
    stage.ollama.on('Takes the place', begins(['Here']))
    stage.ollama.on('Takes the line', begins(['Here']))
    const { ask, answer, newChat } = await visitPage(chromium.browser, stage.server.url, { expected })
    await ask('Takes the place')
    await see(answer(), 'Here')
    await newChat()
    await ask('Takes the line')
    await see(answer(), 'Waiting in line')
    await newChat()
    await ask('Is too much')
    await see(answer(), 'The server is busy')
    await see(answer(), /Try again in \d+ s\./)
  })
})
