import { expect, test } from 'vitest'
import { see } from './chat-page.ts'
import { begins, goesOn } from './ollama.ts'
import { useBrowser, usePageStage, visitPage } from './stage.ts'

const chromium = useBrowser()
const stage = usePageStage({ SLUICE_BASE: '/tools/智能' })

// `visitPage` fails if the page requests anything that is not below this URL.
test('below a path, the page chats, stops, resumes after a reload, and requests nothing else', async () => {
  const { page, ask, answer, settled, stop, newChat } = await visitPage(
    chromium.browser,
    `${stage.server.url}/tools/${encodeURIComponent('智能')}`,
    { expected: [/Failed to load resource/] },
  )
  stage.ollama.on('Reloaded', begins(['Once', ' upon'], goesOn(' a', ' time')))
  await ask('Reloaded')
  await see(answer(), 'Once upon')
  const { exchange } = (await stage.ollama.asked('Reloaded')).request
  await page.reload()
  await see(answer(), 'Once upon')
  exchange.pass()
  await see(answer(), 'Once upon a time')
  await settled()
  await newChat()
  stage.ollama.on('Stopped', begins(['Half', ' of'], goesOn(' it')))
  await ask('Stopped')
  await see(answer(), 'Half of')
  await stop.click()
  await settled()
  await expect.poll(() => stage.upstream.open).toBe(0)
  expect(stage.ollama.countOf('Reloaded')).toBe(1)
})
