import { createHash } from 'node:crypto'
import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { read } from '../runtimes/reader.ts'
import { finish, toRunPath } from '../runtimes/resumable.ts'
import { loadSnippets } from '../snippets.ts'
import { useStage } from './stage.ts'

const programs = loadSnippets('docs/tokens.md').filter(({ language }) => language === 'js')
const [server, page, source] = programs.map(({ code }) => code)
const toModule = (code = '') => `data:text/javascript,${encodeURIComponent(code)}`

const key = 'secret-of-alice'
/** The page of another site, with both programs for pages. */
const toHtml = () =>
  `<!doctype html><title>A page</title><script type="module">${toPrograms(stage.server.url)}
  Object.assign(globalThis, { ask, follow, said: [] })</script>`
const toPrograms = (url: string) =>
  [page, source].join('\n').replaceAll('export ', '').replace('sluice/client', `${url}/client.js`)
declare const ask: (options: object) => Promise<{ text: string }>
declare const follow: (options: object) => EventSource
declare const said: unknown[]
declare const followed: EventSource

const stage = useStage(toHtml, {
  SLUICE_API_KEYS: `alice:${createHash('sha256').update(key).digest('hex')}`,
  SLUICE_TOKEN_SECRET: 'a secret for tests, of 40 characters ...',
})
let tab: Page
let makeToken: (options: object) => Promise<{ token: string }>

beforeAll(async () => {
  ;({ makeToken } = (await import(toModule(server))) as { makeToken: typeof makeToken })
  tab = await (await stage.browser.newContext()).newPage()
  await tab.goto(stage.listed)
  await tab.waitForFunction(() => typeof ask === 'function')
})

test('docs/tokens.md has a program for a server, one for a page, and one for an EventSource', () => {
  expect(programs).toHaveLength(3)
})

test('a page of another origin chats with a token of its server, and never sees the key', async () => {
  const model = stage.upstream.script(tokens({ count: 3 }), 'gemma3:test')
  const { token } = await makeToken({ sluice: stage.server.url, key, origin: stage.listed })
  const answer = await tab.evaluate(
    async ([sluice, token, model]) => {
      const pieces: string[] = []
      // The page of the documentation names no model.
      const fetched = globalThis.fetch
      globalThis.fetch = (url, init) =>
        fetched(url, { ...init, body: JSON.stringify({ ...(JSON.parse(init!.body as string) as object), model }) })
      const onText = (text: string) => void pieces.push(text)
      const messages = [{ role: 'user', content: 'Hi' }]
      const { text } = await ask({ sluice, toToken: async () => ({ token }), messages, onText })
      globalThis.fetch = fetched
      return { text, pieces }
    },
    [stage.server.url, token, model] as const,
  )
  expect(answer).toEqual({ text: ' token token token', pieces: [' token', ' token', ' token'] })
  expect(stage.upstream.requestsFor(model)[0]!.json).toMatchObject({ options: { num_predict: 500 } })
})

test('an EventSource follows an answer with a token for this answer', async () => {
  const model = stage.upstream.script(thenSilent(1))
  const headers = { authorization: `Bearer ${key}` }
  const reader = read(stage.server, {
    path: '/api/generate',
    body: { model, prompt: 'Hi' },
    headers: { ...headers, prefer: 'resume=30' },
  })
  const run = toRunPath(await reader.head).slice('/streams/'.length)
  const body = JSON.stringify({ run, origin: stage.listed })
  const { token } = (await (await fetch(`${stage.server.url}/tokens`, { method: 'POST', headers, body })).json()) as {
    token: string
  }
  await tab.evaluate(
    (options) => {
      const onFrame = ({ response }: { response: string }) => void said.push(response || 'done')
      Object.assign(globalThis, { followed: follow({ ...options, onFrame }) })
    },
    { sluice: stage.server.url, run, token },
  )
  const heard = () => tab.evaluate(() => said)
  await expect.poll(heard).toEqual([' token'])
  finish(stage.upstream.requestsFor(model)[0]!.exchange)
  await expect.poll(heard).toEqual([' token', 'done'])
  // It comes back by itself, and the answer 204 ends it.
  await expect.poll(() => tab.evaluate(() => followed.readyState === EventSource.CLOSED), { timeout: 10_000 }).toBe(true)
})
