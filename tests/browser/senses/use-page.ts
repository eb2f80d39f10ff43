import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import type { SeenRequest } from '#fake-ollama/upstream.ts'
import { useStage, type Stage } from '../../runtimes/server.ts'
import { launchChromium } from '../chromium.ts'
import { visit, type Visit, type VisitOptions } from '../visit.ts'
import { listModels } from './catalog.ts'

/**
 * The page, with a fake Ollama that lists the models of `catalog.ts`. All tests of a file share one
 * browser.
 */
export interface PageStage extends Stage {
  /**
   * Opens the page and waits until it is ready. If the visit causes a problem, the test fails at
   * the end.
   */
  visit(options?: VisitOptions): Promise<Page>
  /** Resolves with the latest chat request that Ollama got. It waits until there is one. */
  asked(): Promise<SeenRequest>
}

/** Sets up the stage for a file. */
export function usePage(env: Readonly<Record<string, string>> = {}): PageStage {
  const stage = useStage('node', env)
  const visits: Visit[] = []
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
    listModels(stage.upstream)
  }, 60_000)
  beforeEach(() => stage.upstream.forget())
  afterEach(async () => {
    for (const one of visits.splice(0)) await one.end()
  })
  afterAll(() => browser?.close())
  return Object.assign(stage, {
    async visit(options: VisitOptions = {}) {
      const one = await visit(browser, stage.server.url, { reducedMotion: 'reduce', ...options })
      visits.push(one)
      await one.page.locator('#message').waitFor()
      return one.page
    },
    asked: () =>
      vi.waitUntil(() => stage.upstream.requests.findLast(({ target }) => target === '/api/chat'), { timeout: 5000 }),
  })
}
