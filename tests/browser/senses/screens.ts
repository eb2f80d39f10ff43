import type { Page } from 'playwright-core'
import type { Words } from '#page/words/english.ts'
import { ask, lastAnswer, waitForEnd } from '../visit.ts'
import { answering, failing, listModels, model, pausing, toTokens } from './catalog.ts'
import { richAnswer, richChinese } from './rich-answer.ts'
import type { PageStage } from './use-page.ts'

/** A state of the page: how to reach it from the previous state, and how to return. */
export interface Screen {
  readonly name: string
  enter(): Promise<void>
  leave?(): Promise<void>
}

/**
 * Returns every screen of the page in this language, in order. The first one is the opened page.
 */
export function toScreens(stage: PageStage, page: Page, w: Words): Screen[] {
  const isChinese = w.tag === 'zh-CN'
  const question = isChinese ? '讲讲二分查找' : 'Explain binary search'
  const isPhone = page.viewportSize()!.width < 768
  const text = isChinese ? richChinese : richAnswer
  const button = (name: string, index = 0) => page.getByRole('button', { name, exact: true }).nth(index)
  const open = 'dialog[open], [popover]:popover-open'
  const close = async () => {
    // If a dialog is open over the drawer, both must be closed.
    while ((await page.locator(open).count()) > 0) {
      await page.keyboard.press('Escape')
      await page.evaluate(() => new Promise(requestAnimationFrame))
    }
  }
  const openList = async () => {
    if (!isPhone || (await page.locator('.drawer[open]').count()) > 0) return
    await button(w.showChats).click()
    await page.locator('.drawer[open]').waitFor()
  }
  const openMenu = async () => {
    await openList()
    await page.locator('.chat-row .icon-button').first().click()
    await page.getByRole('menu').waitFor()
  }
  const openDialog = async (way: () => Promise<void>) => {
    await way()
    await page.locator('dialog.dialog[open]').waitFor()
  }
  const say = (script: Parameters<typeof stage.upstream.script>[0]) => stage.upstream.script(script, model)
  return [
    // The page sets its language after its first paint.
    { name: 'welcome', enter: () => page.locator(`html[lang="${w.tag}"] .starters`).waitFor() },
    {
      name: 'waiting',
      async enter() {
        say(() => {})
        await ask(page, question)
        await page.locator('.waiting').waitFor()
      },
      leave: () => page.keyboard.press('Escape'),
    },
    {
      name: 'stopped before a word',
      enter: () => waitForEnd(page),
    },
    {
      name: 'streaming',
      async enter() {
        say(
          pausing({ thinking: isChinese ? '先想一想。' : 'First, think.' }, ...toTokens(text.slice(0, text.indexOf('while')))),
        )
        await button(w.retry).click()
        await page.locator('.code').waitFor()
      },
      leave: () => page.keyboard.press('Escape'),
    },
    {
      name: 'stopped',
      async enter() {
        await waitForEnd(page)
        await page.locator('.ending').waitFor()
      },
    },
    {
      name: 'answer',
      async enter() {
        say(
          answering(
            { thinking: isChinese ? '先想一想。' : 'First, think.' },
            { tool: 'look_up', arguments: { word: 'bisect' } },
            ...toTokens(text),
          ),
        )
        await button(w.retry).click()
        await page.locator('.prose table').waitFor()
        await waitForEnd(page)
        for (const aside of await page.locator('.aside summary').all()) await aside.click()
      },
    },
    {
      name: 'the editor of a question',
      enter: () => button(w.edit).click(),
      async leave() {
        await page.keyboard.press('Escape')
        // The focus returns to the button in the next frame. It must not move while the test types
        // the next question.
        await page.locator('.question .actions button:focus').waitFor()
      },
    },
    {
      name: 'failure',
      async enter() {
        say(failing(isChinese ? '才说了' : 'Only a few', isChinese ? '几个字' : ' words'))
        await ask(page, question)
        await lastAnswer(page).locator('.is-failure').waitFor()
      },
    },
    {
      name: 'picker',
      async enter() {
        await page.locator('.model-button').click()
        await page.locator('.label').first().waitFor()
      },
    },
    {
      name: 'picker without a find',
      async enter() {
        await page.getByRole('combobox').fill('zzz')
        await page.getByText(w.noModelFound).waitFor()
      },
      leave: close,
    },
    { name: 'options', enter: () => openDialog(() => button(w.options).click()), leave: close },
    { name: 'list of chats', enter: openList },
    {
      name: 'search without a find',
      async enter() {
        await page.getByRole('searchbox').fill('zzz')
        await page.getByText(w.noneFound).waitFor()
      },
      leave: () => page.getByRole('searchbox').fill(''),
    },
    { name: 'menu', enter: openMenu },
    { name: 'rename', enter: () => openDialog(() => page.getByRole('menuitem', { name: w.rename }).click()), leave: close },
    {
      name: 'delete',
      async enter() {
        await openMenu()
        await openDialog(() => page.getByRole('menuitem', { name: w.remove }).click())
      },
      leave: close,
    },
    {
      name: 'settings',
      async enter() {
        await openList()
        await openDialog(() => button(w.settings).click())
      },
      leave: close,
    },
    {
      name: 'Ollama does not answer',
      async enter() {
        await stage.upstream.stop()
        await page.reload()
        await page.getByRole('heading', { name: w.ollamaDown }).waitFor()
      },
      leave: () => stage.upstream.start(),
    },
    {
      name: 'no models, in an empty chat',
      async enter() {
        listModels(stage.upstream, [])
        await page.reload()
        await page.keyboard.press('Control+Shift+O')
        await page.getByRole('heading', { name: w.noModels }).waitFor()
      },
      leave: async () => listModels(stage.upstream),
    },
  ]
}
