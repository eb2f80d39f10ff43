import axe from 'axe-core'
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

export interface VisitOptions extends BrowserContextOptions {
  /**
   * Console messages that the test causes deliberately. A refused request also causes a console
   * message.
   */
  readonly expected?: readonly RegExp[]
  /** The path of the page. By default, it is the chat page. */
  readonly path?: string
}

/** A first visit to the page, in a browser context of its own. */
export interface Visit {
  readonly context: BrowserContext
  readonly page: Page
  /** Opens another tab. */
  open(): Promise<Page>
  /**
   * Ends the visit. Fails if the visit caused a console message, an exception, a violation of the
   * content security policy, or a request to another origin.
   */
  end(): Promise<void>
}

/** Opens the page at `url`. */
export async function visit(
  browser: Browser,
  url: string,
  { expected = [], path = '/', ...options }: VisitOptions = {},
): Promise<Visit> {
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
    await page.goto(`${url}${path}`)
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

/** Types a question and presses Enter, as people do. */
export async function ask(page: Page, text: string): Promise<void> {
  await page.locator('#message').fill(text)
  await page.keyboard.press('Enter')
}

/** Finds the last answer on the page. */
export function lastAnswer(page: Page): Locator {
  return page.locator('article.answer').last()
}

/** Waits until the last answer has ended in any way. */
export async function waitForEnd(page: Page): Promise<void> {
  await page.locator('article.is-last[aria-busy="false"] .actions').waitFor()
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/**
 * Returns the violations that axe-core finds: each rule with the elements that break it. `runOnly`
 * lists tags or rules.
 */
export async function findBarriers(page: Page, runOnly: string[] = rules): Promise<string[]> {
  // The debugger injects the script, because the content security policy does not apply to the
  // debugger.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source)
  return page.evaluate(async (runOnly) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({ runOnly })
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary.replaceAll(/\s+/g, ' ')}`),
    )
  }, runOnly)
}
