import { createHash } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { useStage, type ServerName, type Stage } from '../../runtimes/server.ts'
import { launchChromium } from '../chromium.ts'
import { visit } from '../visit.ts'
import type { Visit, VisitOptions } from '../visit.ts'
import { toChatPage } from './chat-page.ts'
import type { ChatPage } from './chat-page.ts'
import { createOllama } from './ollama.ts'
import type { Ollama } from './ollama.ts'

/** Sluice, with a fake Ollama that a test controls. */
export interface PageStage extends Stage {
  readonly ollama: Ollama
}

/** Sets up the stage for the tests of a `describe`. */
export function usePageStage(env: Readonly<Record<string, string>> = {}, name: ServerName = 'node'): PageStage {
  const stage = useStage(name, env) as Stage & { ollama?: Ollama }
  beforeAll(() => void (stage.ollama = createOllama(stage.upstream)))
  return stage as PageStage
}

/** Launches one browser for the tests of a file. */
export function useBrowser(): { readonly browser: Browser } {
  const all: { browser?: Browser } = {}
  beforeAll(async () => void (all.browser = await launchChromium()))
  afterAll(() => all.browser?.close())
  return all as { readonly browser: Browser }
}

/** Opens the page for the rest of the test. The test fails if the visit has found a problem. */
export async function visitPage(browser: Browser, url: string, options?: VisitOptions): Promise<ChatPage & Visit> {
  const visitor = await come(browser, url, options)
  onTestFinished(visitor.end)
  return visitor
}

/** Opens the page with reduced motion, so that no test waits for animations. */
async function come(browser: Browser, url: string, options?: VisitOptions): Promise<ChatPage & Visit> {
  const visitor = await visit(browser, url, { reducedMotion: 'reduce', ...options })
  return { ...visitor, ...toChatPage(visitor.page) }
}

/** Makes one visit for all tests of a `describe`. Each test opens a chat of its own. */
export function useVisit(chromium: { readonly browser: Browser }, stage: PageStage, options?: VisitOptions) {
  const all: { visitor?: ChatPage & Visit } = {}
  beforeAll(async () => void (all.visitor = await come(chromium.browser, stage.server.url, options)))
  afterAll(() => all.visitor?.end())
  return {
    get ollama() {
      return stage.ollama
    },
    get visitor() {
      return all.visitor!
    },
  }
}

/** Makes an entry of `SLUICE_API_KEYS`. */
export function toEntry(secret: string): string {
  return `somebody:${createHash('sha256').update(secret).digest('hex')}`
}
