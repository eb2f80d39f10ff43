import axe from 'axe-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'

export interface VisitOptions extends BrowserContextOptions {
  /** What goes wrong on purpose, as the console tells it: a refused request is an error to it. */
  readonly expected?: readonly RegExp[]
}

/** Somebody who opens the page for the first time, in a browser of their own. */
export interface Visit {
  readonly context: BrowserContext
  readonly page: Page
  /** Opens one more tab. */
  open(): Promise<Page>
  /** Ends the visit. Fails if anything was said on the console, thrown, refused by the policy, or asked of another origin. */
  end(): Promise<void>
}

/** Opens the page at `url`. */
export async function visit(browser: Browser, url: string, { expected = [], ...options }: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 }, ...options })
  const problems: string[] = []
  const tell = (what: string) => {
    if (!expected.some((pattern) => pattern.test(what))) problems.push(what)
  }
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') tell(`${message.type()}: ${message.text()}`)
  })
  context.on('weberror', (error) => tell(`thrown: ${error.error().message}`))
  context.on('dialog', (dialog) => {
    tell(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  context.on('request', (request) => {
    if (/^(?:https?|wss?):/.test(request.url()) && !request.url().startsWith(`${url}/`)) tell(`asked: ${request.url()}`)
  })
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI} ${sample}`),
    )
  })
  const open = async () => {
    const page = await context.newPage()
    await page.goto(`${url}/`)
    return page
  }
  return {
    context,
    page: await open(),
    open,
    async end() {
      await context.close()
      expect(problems).toEqual([])
    },
  }
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What axe-core finds wrong: each rule with the elements that break it. `runOnly`: tags or rules. */
export async function findBarriers(page: Page, runOnly: string[] = rules): Promise<string[]> {
  // By the debugger, which the page's policy does not bind.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source)
  return page.evaluate(async (runOnly) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary.replaceAll(/\s+/g, ' ')}`),
    )
  }, runOnly)
}
