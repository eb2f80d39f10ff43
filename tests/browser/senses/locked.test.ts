import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { chinese } from '#page/words/chinese.ts'
import { english } from '#page/words/english.ts'
import { findBarriers } from '../visit.ts'
import { usePage } from './use-page.ts'

const stage = usePage({ SLUICE_API_KEYS: `somebody:${createHash('sha256').update('open-sesame').digest('hex')}` })

test.each([
  ['English', english, 'en-US'],
  ['Chinese', chinese, 'zh-CN'],
])(
  'axe-core finds nothing on the locked page, also after a wrong key and after the dialog is closed, in %s',
  async (_, words, locale) => {
    const page = await stage.visit({ locale, expected: [/status of 401/] })
    const findAll = async () => {
      const inLight = await findBarriers(page)
      await page.emulateMedia({ colorScheme: 'dark' })
      const inDark = await findBarriers(page, ['color-contrast'])
      await page.emulateMedia({ colorScheme: 'light' })
      return [...inLight, ...inDark]
    }
    const dialog = page.getByRole('dialog', { name: words.locked })
    await dialog.waitFor()
    expect(await findAll()).toEqual([])
    await page.keyboard.type('wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').innerText()).toBe(words.keyWrong)
    expect(await findAll()).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    expect(await findAll()).toEqual([])
    await page.getByRole('button', { name: words.enterKey }).click()
    await page.keyboard.type('open-sesame')
    await page.keyboard.press('Enter')
    await page.locator('.starters').waitFor()
  },
)

test('when the dialog of the key is closed before its answer, unlocking leaves the next dialog open', async () => {
  const page = await stage.visit({ expected: [/status of 401/] })
  await page.getByRole('dialog').waitFor()
  const held = Promise.withResolvers<void>()
  await page.route('**/api/tags', async (route) => {
    await held.promise
    await route.continue()
  })
  await page.keyboard.type('open-sesame')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Settings' }).click()
  const settings = page.getByRole('dialog', { name: 'Settings' })
  await settings.waitFor()
  held.resolve()
  // The page has a key now, so it offers to forget the key.
  await settings.getByRole('button', { name: english.forgetKey }).waitFor()
  await page.locator('.starters').waitFor()
  expect(await settings.isVisible()).toBe(true)
})
