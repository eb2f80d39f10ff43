import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startServer, type Server, type ServerName } from '../runtimes/server.ts'
import { launchChromium } from './chromium.ts'
import { startSite, type Site } from './site.ts'

/** A server, and a browser with pages of two other sites. All are there while the tests run. */
export interface Stage {
  /** An origin whose pages may call the server. */
  readonly listed: string
  /** An origin whose pages may not. */
  readonly unlisted: string
  readonly upstream: Upstream
  readonly server: Server
  readonly browser: Browser
}

/** Starts a stage before the tests, and ends it after them. `toHtml` makes the page of both sites. */
export function useStage(
  toHtml: () => string,
  settings: Readonly<Record<string, string>> = {},
  name: ServerName = 'node',
): Stage {
  const stage: Partial<{ -readonly [Field in keyof Stage]: Stage[Field] }> = {}
  let site: Site | undefined
  beforeAll(async () => {
    site = await startSite(toHtml)
    stage.listed = `http://good.test:${site.port}`
    stage.unlisted = `http://evil.test:${site.port}`
    stage.upstream = await startUpstream()
    stage.server = await startServer(name, {
      OLLAMA_HOST: stage.upstream.url,
      SLUICE_LOG: 'silent',
      SLUICE_CORS_ORIGINS: stage.listed,
      ...settings,
    })
    stage.browser = await launchChromium()
  }, 60_000)
  afterAll(async () => {
    await stage.browser?.close()
    await stage.server?.stop()
    await stage.upstream?.close()
    site?.close()
  })
  return stage as Stage
}
