import { describe, expect, test } from 'vitest'
import { read, see } from './chat-page.ts'
import type { ChatPage } from './chat-page.ts'
import { toEntry, useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
/** The console messages that deliberate refusals cause. */
const expected = [/Failed to load resource/]

describe('the models', () => {
  const stage = usePageStage()
  const come = () => visitPage(chromium.browser, stage.server.url)
  const openPicker = async ({ page, button }: ChatPage) => {
    await button(/^Model: /).click()
    return page.getByRole('dialog', { name: 'Choose a model' })
  }

  test('are listed with their size, what they can do, and whether they are loaded; the loaded one answers', async () => {
    const visitor = await come()
    await visitor.button('Model: talker:latest').waitFor()
    const picker = await openPicker(visitor)
    const option = (name: string) => picker.getByRole('option').filter({ hasText: name })
    await see(option('newest:70b'), '4.3B · 43 GB · Q4_K_M')
    await see(option('seer:8b'), 'Vision')
    await see(option('thinker'), 'Thinking Tools')
    await option('talker').getByRole('img', { name: 'In memory' }).waitFor()
    expect(await picker.getByRole('img', { name: 'In memory' }).count()).toBe(1)
    expect(await option('talker').getAttribute('aria-selected')).toBe('true')
  })

  test('that only make vectors cannot be chosen', async () => {
    const visitor = await come()
    const picker = await openPicker(visitor)
    const embedder = picker.getByRole('option').filter({ hasText: 'embedder' })
    await see(embedder, 'Makes vectors, does not chat')
    expect(await embedder.getAttribute('aria-disabled')).toBe('true')
    await embedder.click({ force: true })
    await visitor.page.keyboard.press('Escape')
    await visitor.button('Model: talker:latest').waitFor()
  })

  test('are searched and chosen by keyboard, and the chosen one is asked, in new chats and after a reload, too', async () => {
    const visitor = await come()
    const { page, button, ask, settled, newChat, reload } = visitor
    await openPicker(visitor)
    await page.keyboard.type('8B')
    await expect.poll(() => page.getByRole('option').count()).toBe(1)
    await page.keyboard.press('Enter')
    await button('Model: seer:8b').waitFor()
    await page.keyboard.type('Which model?')
    await page.keyboard.press('Enter')
    await settled()
    expect((await stage.ollama.asked('Which model?')).body.model).toBe('seer:8b')
    await newChat()
    await button('Model: seer:8b').waitFor()
    await reload()
    await button('Model: seer:8b').waitFor()
    await ask('And now which?')
    await settled()
    expect((await stage.ollama.asked('And now which?')).body.model).toBe('seer:8b')
  })

  test('are moved through with the arrow keys, which skip models that cannot be chosen', async () => {
    const visitor = await come()
    const picker = await openPicker(visitor)
    await see(picker, 'Makes vectors')
    const active = () => read(picker.locator('.option.is-active .option-name'))
    expect(await active()).toBe('talker')
    const seen = []
    for (let step = 0; step < 4; step++) {
      await visitor.page.keyboard.press('ArrowDown')
      seen.push(await active())
    }
    expect(seen).toEqual(['seer:8b', 'thinker', 'newest:70b', 'talker'])
    await visitor.page.keyboard.press('ArrowUp')
    await visitor.page.keyboard.press('Enter')
    await visitor.button('Model: newest:70b').waitFor()
    await openPicker(visitor)
    await visitor.page.keyboard.type('no such model')
    await see(picker, 'No model has this name.')
  })

  test('are chosen for each chat on its own', async () => {
    const { chooseModel, ask, newChat, openChat, settled, button } = await come()
    await chooseModel('thinker')
    await ask('To the thinker')
    await settled()
    await newChat()
    await chooseModel('talker')
    await ask('To the talker')
    await settled()
    await openChat('To the thinker')
    await button('Model: thinker:latest').waitFor()
    await openChat('To the talker')
    await button('Model: talker:latest').waitFor()
  })

  test('that can think do so unless Think is turned off', async () => {
    const { chooseModel, button, ask, settled } = await come()
    await chooseModel('thinker')
    await button('Think').click()
    await ask('Do not think')
    await settled()
    expect((await stage.ollama.asked('Do not think')).body.think).toBe(false)
    await chooseModel('talker')
    await button('Think').waitFor({ state: 'detached' })
    await ask('You cannot anyway')
    await settled()
  })
})

describe('the options of a chat', () => {
  const stage = usePageStage()
  const come = () => visitPage(chromium.browser, stage.server.url)

  test('are sent to Ollama for this chat alone, also after a reload', async () => {
    const { page, openOptions, button, ask, settled, newChat, dialog, reload } = await come()
    await openOptions()
    await page.getByLabel('System prompt').fill('You are a pirate')
    await page.getByLabel('Temperature').fill('0.5')
    await page.getByLabel('Context', { exact: true }).fill('4096')
    await page.getByLabel('Longest answer').fill('200')
    await page.getByLabel('Seed').fill('7')
    await page.getByLabel('Keep in memory').selectOption('Always')
    await button('Done').click()
    await ask('Ahoy')
    await settled()
    const sent = {
      options: { temperature: 0.5, num_ctx: 4096, num_predict: 200, seed: 7 },
      keep_alive: -1,
    }
    const { body } = await stage.ollama.asked('Ahoy')
    expect(body).toMatchObject(sent)
    expect(body.messages[0]).toEqual({ role: 'system', content: 'You are a pirate' })
    await reload()
    await ask('Still a pirate?')
    await settled()
    const later = await stage.ollama.asked('Still a pirate?')
    expect(later.body).toMatchObject(sent)
    expect(later.body.messages[0]).toEqual({ role: 'system', content: 'You are a pirate' })
    await openOptions()
    expect(await page.getByLabel('Temperature').inputValue()).toBe('0.5')
    await button('Reset').click()
    expect(await page.getByLabel('Temperature').inputValue()).toBe('')
    expect(await page.getByLabel('System prompt').inputValue()).toBe('')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await newChat()
    await ask('Plain')
    await settled()
    const plain = await stage.ollama.asked('Plain')
    expect(plain.body.options).toBeUndefined()
    expect(plain.body.messages).toEqual([{ role: 'user', content: 'Plain' }])
  })

  test('are marked as invalid outside their limits, and not sent', async () => {
    const { page, openOptions, button, ask, settled, dialog } = await come()
    await button('Model: talker:latest').waitFor()
    await openOptions()
    for (const [label, bad, hint] of [
      ['Temperature', '3', 'From 0 to 2'],
      ['Temperature', 'hot', 'From 0 to 2'],
      ['Context', '9000', 'From 512 to 8,192'],
      ['Context', '10', 'From 512 to 8,192'],
      ['Longest answer', '0', 'From 1 to'],
      ['Seed', '1.5', 'From 0 to'],
    ] as const) {
      const field = page.getByLabel(label, { exact: true })
      await field.fill('')
      expect(await field.getAttribute('aria-invalid')).toBe('false')
      await field.fill(bad)
      await see(dialog, hint)
      expect(await field.getAttribute('aria-invalid')).toBe('true')
    }
    await button('Done').click()
    await ask('Out of limits')
    await settled()
    expect((await stage.ollama.asked('Out of limits')).body.options).toBeUndefined()
  })
})

describe('images', () => {
  const stage = usePageStage()
  const come = () => visitPage(chromium.browser, stage.server.url)
  /** Makes a picture of 2000 × 1000 in the browser. */
  const paint = ({ page }: ChatPage, type = 'image/png') =>
    page.evaluate(async (type) => {
      const canvas = new OffscreenCanvas(2000, 1000)
      const context = canvas.getContext('2d')!
      context.fillStyle = 'teal'
      context.fillRect(0, 0, 2000, 1000)
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer())
      return [...bytes]
    }, type)
  const pick = async (visitor: ChatPage, bytes: readonly number[], mimeType = 'image/png') =>
    visitor.page.locator('.composer input[type=file]').setInputFiles({ name: 'picture', mimeType, buffer: Buffer.from(bytes) })
  /** Pastes or drops a file into the page. */
  const give = ({ page }: ChatPage, bytes: readonly number[], how: 'paste' | 'drop') =>
    page.evaluate(
      ([bytes, how]) => {
        const data = new DataTransfer()
        data.items.add(new File([new Uint8Array(bytes)], 'picture.png', { type: 'image/png' }))
        const target = document.querySelector(how === 'paste' ? '#message' : '.page')!
        const common = { bubbles: true, cancelable: true }
        if (how === 'paste') target.dispatchEvent(new ClipboardEvent('paste', { ...common, clipboardData: data }))
        else target.dispatchEvent(new DragEvent('drop', { ...common, dataTransfer: data }))
      },
      [bytes, how] as const,
    )
  const sizeOf = ({ page }: ChatPage, image: string) =>
    page.evaluate(async (image) => {
      const bytes = Uint8Array.from(atob(image), (c) => c.charCodeAt(0))
      const { width, height } = await createImageBitmap(new Blob([bytes]))
      return [width, height]
    }, image)

  test('that the user picks, pastes or drops are made smaller, shown, and sent', async () => {
    const visitor = await come()
    await visitor.chooseModel('seer:8b')
    await visitor.button('Add images').waitFor()
    const bytes = await paint(visitor)
    for (const how of ['pick', 'paste', 'drop'] as const) {
      if (how === 'pick') await pick(visitor, bytes)
      else await give(visitor, bytes, how)
      await visitor.page.locator('.composer').getByRole('img', { name: 'Image 1' }).waitFor()
      const question = `What is this, by ${how}?`
      await visitor.ask(question)
      await visitor.settled()
      await visitor.question().getByRole('img', { name: 'Image 1' }).waitFor()
      const sent = (await stage.ollama.asked(question)).body.messages.at(-1)
      expect(await sizeOf(visitor, sent!.images![0]!)).toEqual([1344, 672])
      expect(await visitor.page.locator('.composer img').count()).toBe(0)
    }
    await visitor.reload()
    await visitor.question().getByRole('img', { name: 'Image 1' }).waitFor()
  })

  test('can be removed again, and can be sent without text', async () => {
    const visitor = await come()
    await visitor.chooseModel('seer:8b')
    await visitor.button('Add images').waitFor()
    await pick(visitor, await paint(visitor))
    await pick(visitor, await paint(visitor, 'image/jpeg'), 'image/jpeg')
    await visitor.button('Remove image 2').waitFor()
    await visitor.button('Remove image 1').click()
    await visitor.button('Remove image 2').waitFor({ state: 'detached' })
    await visitor.field.press('Enter')
    await see(visitor.answer(), 'You asked:')
    const { body } = await stage.ollama.asked('')
    expect(body.messages[0]!.images).toHaveLength(1)
    expect(body.messages[0]!.images![0]).toMatch(/^\/9j\//)
  })

  test('are not offered for a model that cannot see, and not sent to it', async () => {
    const visitor = await come()
    await visitor.button('Model: talker:latest').waitFor()
    expect(await visitor.button('Add images').count()).toBe(0)
    await give(visitor, await paint(visitor), 'paste')
    await see(visitor.page.locator('.composer'), 'This model cannot see images.')
    await visitor.field.fill('Look')
    await visitor.field.press('Enter')
    expect(await visitor.button('Send').isDisabled()).toBe(true)
    expect(stage.ollama.countOf('Look')).toBe(0)
    await visitor.chooseModel('seer:8b')
    await visitor.field.press('Enter')
    await see(visitor.answer(), 'You asked: Look')
  })

  test('that cannot be decoded are refused', async () => {
    const visitor = await come()
    await visitor.chooseModel('seer:8b')
    await visitor.button('Add images').waitFor()
    await pick(visitor, [...Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')], 'image/svg+xml')
    await see(visitor.page.locator('.composer'), 'That is no image that can be read')
    await pick(visitor, [1, 2, 3])
    await see(visitor.page.locator('.composer'), 'That is no image that can be read')
    expect(await visitor.page.locator('.composer img').count()).toBe(0)
  })
})

describe('the key of a server that needs one', () => {
  const stage = usePageStage({ SLUICE_API_KEYS: toEntry('open-sesame') })
  const come = () => visitPage(chromium.browser, stage.server.url, { expected })
  const enter = async ({ page, button }: ChatPage, key: string) => {
    await page.getByLabel('Key', { exact: true }).fill(key)
    await button('Unlock').click()
  }

  test('is asked for, is refused if it is wrong, and is kept for this tab alone', async () => {
    const visitor = await come()
    const { page, dialog, ask, answer, settled, reload } = visitor
    await see(dialog, 'A key is needed')
    await enter(visitor, 'open-barley')
    await see(dialog, 'The server does not know this key.')
    await enter(visitor, 'open-sesame')
    await dialog.waitFor({ state: 'detached' })
    await ask('With a key')
    await see(answer(), 'You asked: With a key')
    await settled()
    expect(await page.evaluate(() => [JSON.stringify(localStorage), document.cookie, location.href].join())).not.toContain(
      'sesame',
    )
    await reload()
    await see(answer(), 'You asked: With a key')
    await ask('After a reload')
    await see(answer(), 'You asked: After a reload')
    expect(await dialog.count()).toBe(0)
    const { request } = await stage.ollama.asked('After a reload')
    expect(JSON.stringify(request.headers)).not.toContain('sesame')

    const tab = await visitor.open()
    await see(tab.locator('dialog.dialog'), 'A key is needed')
  })

  test('is kept on the device if the user chooses that, until “Forget the key”', async () => {
    const visitor = await come()
    await visitor.page.getByLabel('Keep it on this device').check()
    await enter(visitor, 'open-sesame')
    await visitor.dialog.waitFor({ state: 'detached' })
    const tab = await visitor.open()
    await see(tab.getByRole('main'), 'What is on your mind?')
    expect(await tab.locator('dialog.dialog').count()).toBe(0)

    await visitor.openSettings()
    await visitor.button('Forget the key').click()
    await see(visitor.page.getByRole('main'), 'A key is needed')
    expect(await visitor.page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain('sesame')
    await visitor.reload()
    await see(visitor.dialog, 'A key is needed')
  })

  test('can be entered later: the dialog closes without it', async () => {
    const visitor = await come()
    await see(visitor.dialog, 'A key is needed')
    await visitor.page.keyboard.press('Escape')
    await visitor.dialog.waitFor({ state: 'detached' })
    await see(visitor.page.getByRole('main'), 'A key is needed')
    await visitor.field.fill('Nobody hears this')
    expect(await visitor.button('Send').isDisabled()).toBe(true)
    await visitor.page.getByRole('main').getByRole('button', { name: 'Enter key' }).click()
    await enter(visitor, 'open-sesame')
    await see(visitor.page.getByRole('main'), 'What is on your mind?')
  })
})
