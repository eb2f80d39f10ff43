import { createHash } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { useStage } from '../../runtimes/stage.ts'
import type { Stage } from '../../runtimes/stage.ts'
import { launchChromium } from '../chromium.ts'
import { visit } from '../visit.ts'
import type { Visit, VisitOptions } from '../visit.ts'
import { toChatPage } from './chat-page.ts'
import type { ChatPage } from './chat-page.ts'
import { createOllama } from './ollama.ts'
import type { Ollama } from './ollama.ts'

/** Sluice, and behind it an Ollama that does what a test says. */
export interface PageStage extends Stage {
  readonly ollama: Ollama
}

/** Sets the stage for the tests of a `describe`. */
export function usePageStage(env: Readonly<Record<string, string>> = {}): PageStage {
  const stage = useStage('node', env) as Stage & { ollama?: Ollama }
  beforeAll(() => void (stage.ollama = createOllama(stage.upstream)))
  return stage as PageStage
}

/** One browser for the tests of a file. */
export function useBrowser(): { readonly browser: Browser } {
  const all: { browser?: Browser } = {}
  beforeAll(async () => void (all.browser = await launchChromium()))
  afterAll(() => all.browser?.close())
  return all as { readonly browser: Browser }
}

/** Somebody who opens the page, until the end of the test, which fails if the visit told of trouble. */
export async function visitPage(browser: Browser, url: string, options?: VisitOptions): Promise<ChatPage & Visit> {
  const visitor = await come(browser, url, options)
  onTestFinished(visitor.end)
  return visitor
}

/** Somebody without time for what moves. */
async function come(browser: Browser, url: string, options?: VisitOptions): Promise<ChatPage & Visit> {
  const visitor = await visit(browser, url, { reducedMotion: 'reduce', ...options })
  return { ...visitor, ...toChatPage(visitor.page) }
}

/** One visit for all tests of a `describe`, which open a chat each. */
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

/** An entry of `SLUICE_API_KEYS`. */
export function toEntry(secret: string): string {
  return `somebody:${createHash('sha256').update(secret).digest('hex')}`
}
