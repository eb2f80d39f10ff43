import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import { thenSilent, tokens, tokensThen } from '#fake-ollama/scripts.ts'
import { startBreakingProxy } from '../breaking-proxy.ts'
import type { Server, ServerName } from '../runtimes/server.ts'
import { loadSnippets } from '../snippets.ts'
import { useStage } from './stage.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const snippets = loadSnippets('docs/resume.md')

/** How a page comes back to an answer. `reload` loads it again. */
export type ComeBack = (server: Server, reload: () => Promise<unknown>) => Promise<unknown>

/** Runs the pages of docs/resume.md in Chromium. */
export function describeResumeInChromium(name: ServerName, comeBack: ComeBack = (_server, reload) => reload()) {
  describe(`docs/resume.md in Chromium, ${name}`, () => {
    /** Another site serves a page of docs/resume.md. */
    let html = ''
    const stage = useStage(() => html, { SLUICE_MODEL: 'm' }, name)
    let page: Page
    let origin: string

    beforeAll(async () => {
      origin = stage.listed
      page = await stage.browser.newPage()
    })

    /** Returns a block of the page, with another address in it. */
    function toCode(language: string, contained: string, url = stage.server.url): string {
      const found = snippets.filter((snippet) => snippet.language === language && snippet.code.includes(contained))
      expect(found).toHaveLength(1)
      return found[0]!.code.replaceAll('http://127.0.0.1:8083', url)
    }
    function see(text: string) {
      return expect.poll(() => page.locator('body').innerText()).toContain(text)
    }
    const lastExchange = () => stage.upstream.requestsFor('m').at(-1)!.exchange
    const inTwoParts = tokensThen(['One', ' two'], (exchange) => {
      exchange.chunk(`${toDeltaLine(exchange.request, ' three')}\n${toDoneLine(exchange.request, 3)}\n`)
      exchange.end()
    })

    test('the browser’s EventSource reads a whole answer over broken connections', async () => {
      html = ''
      const pieces = Array.from({ length: 300 }, (_, index) => ` ${index}`)
      stage.upstream.script(tokens({ count: pieces.length, perSecond: 200, text: (index) => pieces[index]! }), 'm')
      const seen = stage.upstream.requests.length
      const proxy = await startBreakingProxy(stage.server.port)
      const read: string[] = []
      page.on('console', (message) => message.type() === 'log' && read.push(message.text()))
      await page.goto(origin)
      await page.addScriptTag({ type: 'module', content: toCode('js', 'new EventSource(', proxy.url) })
      // Chromium waits some seconds before it connects again.
      await expect.poll(() => read.length, { timeout: 15_000 }).toBe(pieces.length)
      expect(read).toEqual(pieces)
      expect(proxy.cuts).toBe(2)
      expect(stage.upstream.requests.length).toBe(seen + 1)
      await proxy.close()
    })

    /**
     * Asks two questions on the page. The first answer goes on after a reload. The second one is
     * stopped after a reload. The arguments are what the page shows.
     */
    async function expectToGoOn({ first, whole, next }: Readonly<Record<'first' | 'whole' | 'next', string>>) {
      stage.upstream.script(inTwoParts, 'm')
      const seen = stage.upstream.requests.length
      await page.goto(origin)
      await page.fill('input', 'Hi')
      await page.click('text=Send')
      await see(first)
      await comeBack(stage.server, () => page.reload())
      await see(first)
      lastExchange().pass()
      await see(whole)

      stage.upstream.script(thenSilent(2), 'm')
      await page.fill('input', 'Hi')
      await page.click('text=Send')
      await see(next)
      await comeBack(stage.server, () => page.reload())
      await see(next)
      await page.click('text=Stop')
      await lastExchange().closedByReader
      expect(stage.upstream.requests.length).toBe(seen + 2)
    }

    test('the page goes on after a reload, and its Stop stops the upstream after one', async () => {
      html = toCode('html', 'streamChat')
      await expectToGoOn({ first: 'One two', whole: 'One two three', next: ' token token' })
    })

    test('the component for React goes on after a reload, and its Stop stops the upstream after one', async () => {
      const contents = `import { createElement } from 'react'\nimport { createRoot } from 'react-dom/client'\n${toCode('tsx', 'useChat')}
          createRoot(document.querySelector('#root')!).render(createElement(Chat, { id: 'a' }))`
      const { outputFiles } = await build({
        stdin: { contents, loader: 'tsx', resolveDir: root },
        bundle: true,
        write: false,
        format: 'iife',
        jsx: 'automatic',
        charset: 'utf8',
        define: { 'process.env.NODE_ENV': '"production"' },
      })
      html = `<!doctype html><meta charset="utf-8"><div id="root"></div><script>${outputFiles[0]!.text}</script>`
      await expectToGoOn({
        first: 'user: Hi\n\nassistant: One two',
        whole: 'user: Hi\n\nassistant: One two three',
        next: 'assistant: token token',
      })
      await page.locator('text=Send').waitFor()
    })
  })
}
