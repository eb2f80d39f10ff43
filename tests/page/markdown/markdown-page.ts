import type { Browser, Page } from 'playwright-core'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { bundleScript } from '../../../build/bundle.ts'
import type { createMarkdown } from '#page/markdown/markdown.ts'
import { launchChromium } from '../../browser/chromium.ts'

/** The globals of the page's script: `packages/page/markdown`, and helpers for the tests. */
export interface PageGlobals {
  createMarkdown: typeof createMarkdown
  /** Adds an element to the page, and creates its Markdown renderer. */
  create(): { root: HTMLElement; markdown: ReturnType<typeof createMarkdown> }
  /**
   * Shows a text in pieces that are cut at `cuts`, waits until the page is idle, and returns the
   * HTML.
   */
  show(text: string, cuts?: readonly number[]): Promise<string>
  /** Resolves when code has its colours. */
  idle(): Promise<void>
}

/** The content security policy of the real page. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

/** Implements PageGlobals in the page. */
const entry = `
import { createMarkdown } from '#page/markdown/markdown.ts'
const idle = async () => { for (let i = 0; i < 3; i++) await new Promise((resolve) => requestIdleCallback(resolve)) }
const create = () => {
  const root = document.createElement('div')
  document.body.append(root)
  return { root, markdown: createMarkdown(root) }
}
const show = async (text, cuts = []) => {
  const { root, markdown } = create()
  for (const at of cuts) markdown.update(text.slice(0, at), false)
  markdown.update(text, true)
  await idle()
  // Text nodes beside each other are the same text.
  root.normalize()
  const { innerHTML } = root
  root.remove()
  return innerHTML
}
Object.assign(window, { createMarkdown, create, show, idle })
`

export interface MarkdownPage {
  readonly page: Page
  readonly url: string
  /** The URLs that the browser has requested since the page was opened. */
  readonly requests: string[]
  readonly problems: string[]
  close(): Promise<void>
}

/**
 * Opens a page in Chromium with `packages/page/markdown`. The script is built like the real page's
 * script, and the page has the same content security policy.
 */
export async function openMarkdownPage(): Promise<MarkdownPage> {
  const script = await bundleScript({ stdin: { contents: entry, resolveDir: process.cwd(), loader: 'ts' } }, ['es2022'])
  const server = http.createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-security-policy', policy)
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(
      isScript
        ? script
        : '<!doctype html><title>Markdown</title><link rel=icon href="data:,"><script type=module src=/page.js></script>',
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const browser: Browser = await launchChromium()
  const page = await browser.newPage()
  const requests: string[] = []
  const problems: string[] = []
  await page.goto(url)
  await page.waitForFunction(() => 'show' in window)
  page.on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => problems.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => problems.push(`error: ${String(error)}`))
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.evaluate(() =>
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective}`)),
  )
  return {
    page,
    url,
    requests,
    problems,
    async close() {
      await browser.close()
      server.close()
    },
  }
}
