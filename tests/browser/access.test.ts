import type { Page } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { thenSilent, tokens } from '#fake-ollama/scripts.ts'
import { generate, type Reader } from '../runtimes/reader.ts'
import { useStage } from './stage.ts'

const stage = useStage(() => '<!doctype html><title>A page</title>', { SLUICE_MANAGEMENT: '1' })
let page: Page
let good: string
let evil: string

beforeAll(async () => {
  good = stage.listed
  evil = stage.unlisted
  page = await stage.browser.newPage()
})
let asked: number
afterEach(() => page.goto('about:blank'))

/** Opens a page. Requests to Ollama are counted from then on. */
async function visit(origin: string) {
  await page.goto(origin)
  asked = stage.upstream.requests.length
}

/** Sends a request from the page's script. Returns what the script can read of the answer. */
function fetchFrom(url: string, init: RequestInit = {}): Promise<{ status: number; text: string } | 'nothing'> {
  return page.evaluate(
    async ([url, init]) => {
      try {
        const response = await fetch(url, init as RequestInit)
        return { status: response.status, text: await response.text() }
      } catch {
        return 'nothing' as const
      }
    },
    [url, init] as const,
  )
}

const body = JSON.stringify({ model: 'smollm2:135m', prompt: 'Hi' })

describe('a page of another site', () => {
  test.each<[string, RequestInit]>([
    ['as JSON', { headers: { 'content-type': 'application/json' } }],
    ['as text/plain, which needs no preflight', { headers: { 'content-type': 'text/plain' } }],
    ['without CORS', { mode: 'no-cors', headers: { 'content-type': 'text/plain' } }],
    ['with cookies', { credentials: 'include', headers: { 'content-type': 'text/plain' } }],
  ])('sends no request to Ollama by fetch, %s, and reads no response', async (_name, init) => {
    await visit(evil)
    const seen = await fetchFrom(`${stage.server.url}/api/generate`, { method: 'POST', body, ...init })
    expect(seen).toBe('nothing')
    expect(stage.upstream.requests).toHaveLength(asked)
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])(
    'sends no request to Ollama by a form of %s',
    async (type) => {
      await visit(evil)
      const [response] = await Promise.all([
        page.waitForNavigation(),
        page.evaluate(
          ([url, type]) => {
            const form = document.createElement('form')
            Object.assign(form, { method: 'POST', action: url, enctype: type })
            // The usual trick: the form sends `name=value`, and with this name and value, the whole
            // body is valid JSON.
            const input = document.createElement('input')
            Object.assign(input, { name: '{"model":"smollm2:135m","prompt":"Hi","a":"', value: '"}' })
            form.append(input)
            document.body.append(form)
            form.submit()
          },
          [`${stage.server.url}/api/generate`, type] as const,
        ),
      ])
      expect(response?.status()).toBe(403)
      expect(stage.upstream.requests).toHaveLength(asked)
    },
  )

  test('neither reads nor stops an answer by images, scripts, frames and links', async () => {
    const model = stage.upstream.script(thenSilent(1))
    const reader: Reader = generate(stage.server, 'sse', model, { headers: { 'x-request-id': 'running' } })
    await reader.until((text) => text.includes(' token'))
    await visit(evil)
    const loaded = await page.evaluate(async (url) => {
      const load = (name: 'img' | 'script' | 'iframe', path: string) =>
        new Promise<string>((resolve) => {
          const element = document.createElement(name)
          element.addEventListener('load', () => resolve(`${name} ${path} loaded`))
          element.addEventListener('error', () => resolve(`${name} ${path} refused`))
          element.src = url + path
          document.body.append(element)
        })
      return Promise.all([
        load('img', '/ollama/cancel/running'),
        load('script', '/api/tags'),
        load('script', '/ollama/cancel/running'),
        load('iframe', '/ollama/cancel/running'),
      ])
    }, stage.server.url)
    expect(loaded.slice(0, 3)).toEqual([
      'img /ollama/cancel/running refused',
      'script /api/tags refused',
      'script /ollama/cancel/running refused',
    ])
    expect(stage.upstream.requests).toHaveLength(asked)
    expect(reader.isEnded).toBe(false)

    const link = (path: string) =>
      Promise.all([
        page.waitForNavigation(),
        page.evaluate((href) => {
          const anchor = document.createElement('a')
          anchor.href = href
          document.body.append(anchor)
          anchor.click()
        }, stage.server.url + path),
      ])
    const [cancelled] = await link('/ollama/cancel/running')
    expect(cancelled?.status()).toBe(403)
    expect(reader.isEnded).toBe(false)
    await page.goto(evil)
    const [open] = await link('/')
    expect(open?.status()).toBe(200)
    reader.leave()
  })

  test('is refused for its Host header when its name is rebound to this machine, though it is then same-origin', async () => {
    const rebound = `http://rebound.test:${stage.server.port}`
    // In a real attack, the host name first resolves to the server of the attacker's page, and
    // later to Sluice. In this test it always resolves to Sluice. So the page that the browser
    // opens is a refusal from Sluice. It takes the place of the attacker's page, because it has the
    // same origin as that page would have. The test bypasses the content security policy of the
    // refusal, because the attacker's page would not have that policy.
    const usual = page
    page = await stage.browser.newPage({ bypassCSP: true })
    await visit(`${rebound}/page`)
    expect(await page.evaluate(() => location.origin)).toBe(rebound)
    for (const path of ['/api/tags', '/v1/models', '/', '/readyz'])
      expect(await fetchFrom(rebound + path)).toMatchObject({ status: 403, text: expect.stringContaining('forbidden_host') })
    expect(await fetchFrom(`${rebound}/api/delete`, { method: 'DELETE', body })).toMatchObject({ status: 403 })
    expect(stage.upstream.requests).toHaveLength(asked)
    page = usual
  })
})

describe('a page of an allowed origin', () => {
  test('on a listed site reads a stream as it arrives', async () => {
    await visit(good)
    const model = stage.upstream.script(tokens({ count: 3 }))
    const seen = await fetchFrom(`${stage.server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer none',
        'x-stainless-lang': 'js',
        'x-title': 'A page',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
    })
    expect(seen).toMatchObject({ status: 200, text: expect.stringMatching(/ token[\s\S]*data: \[DONE\]\n\n$/) })
  })

  test('on the server itself reads a stream too', async () => {
    await page.route(`${stage.server.url}/page`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<title>Ours</title>' }),
    )
    await visit(`${stage.server.url}/page`)
    expect(await fetchFrom('/api/generate', { method: 'POST', body })).toMatchObject({ status: 200 })
  })
})
