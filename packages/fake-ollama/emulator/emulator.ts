import { Hono, type Context } from 'hono'
import { parseBody } from './body.ts'
import { findModel, models, toShow, toTag } from './catalog.ts'
import { createClock } from './clock.ts'
import { createCompletion } from './completion.ts'
import { createEmbed } from './embed.ts'
import { OllamaError, toJsonResponse } from './go-json.ts'
import { createLoadedModels } from './loaded-models.ts'

export interface EmulatorOptions {
  /** The average number of tokens per second. Default 40. */
  tokensPerSecond?: number
  /**
   * Milliseconds of silence before the first answer of a model that is not loaded. Default 1500.
   */
  coldStartMs?: number
}

export interface Emulator {
  /**
   * Answers like the global `fetch`. When `init.signal` aborts, a call that waits for its headers
   * rejects with the signal's reason, and an open body fails with the same reason. No work
   * continues in the background.
   */
  fetch(input: Request | string | URL, init?: RequestInit): Promise<Response>
}

/**
 * The caller's signal is passed beside the request and not in it, because on Node every Request
 * with a signal can leak memory (docs/hazards.md#37).
 */
interface Env {
  Bindings: { signal: AbortSignal }
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * Creates an Ollama without a model, for `npm run demo`. It answers with a tour of Sluice at the
 * pace of a model. Field names, field order and error texts are the same as in the recordings. Each
 * emulator has its own list of loaded models. Nothing runs between requests.
 * @example
 * const { fetch } = createEmulator({ coldStartMs: 0 })
 * const messages = [{ role: 'user', content: 'Hi' }]
 * const body = JSON.stringify({ model: 'demo', messages })
 * await fetch('http://demo/api/chat', { method: 'POST', body })
 */
export function createEmulator({ tokensPerSecond = 40, coldStartMs = 1500 }: EmulatorOptions = {}): Emulator {
  const loadedModels = createLoadedModels({ coldStartMs })
  const complete = createCompletion({ loadedModels, clock: createClock(), tokensPerSecond })
  const { embed, embeddings } = createEmbed(loadedModels)

  const app = new Hono<Env>()
    .post('/api/generate', async (c) => complete('generate', await c.req.text(), c.env.signal))
    .post('/api/chat', async (c) => complete('chat', await c.req.text(), c.env.signal))
    .post('/api/embed', async (c) => embed(await c.req.text(), c.env.signal))
    .post('/api/embeddings', async (c) => embeddings(await c.req.text(), c.env.signal))
    .post('/api/show', async (c) => toJsonResponse(show(await c.req.text())))
    .get('/api/tags', () => toJsonResponse({ models: models.map(toTag) }))
    .get('/api/ps', () => toJsonResponse({ models: loadedModels.list() }))
    .get('/api/version', () => toJsonResponse({ version: '0.33.0-demo' }))
    .get('/', (c) => c.body('Ollama is running', 200, { 'content-type': 'text/plain; charset=utf-8' }))
    .on(methods, ['/api/generate', '/api/chat', '/api/embed', '/api/embeddings', '/api/show'], (c) => refuseMethod(c, 'POST'))
    .on(methods, ['/', '/api/tags', '/api/ps', '/api/version'], (c) => refuseMethod(c, 'GET, HEAD'))
    .notFound((c) => c.body('404 page not found', 404, { 'content-type': 'text/plain' }))
    .onError((error) => {
      if (error instanceof OllamaError) return toJsonResponse({ error: error.message }, error.status, error.contentType)
      throw error
    })

  return {
    async fetch(input, init = {}) {
      const signal = init.signal ?? (input instanceof Request ? input.signal : new AbortController().signal)
      signal.throwIfAborted()
      return app.fetch(new Request(input, { ...init, signal: null }), { signal })
    },
  }
}

function refuseMethod(c: Context, allow: string): Response {
  return c.body('405 method not allowed', 405, { allow, 'content-type': 'text/plain' })
}

function show(text: string): object {
  const { model, name } = parseBody(text, 'ShowRequest', { model: 'string', name: 'string' })
  const asked = [model, name].find((value) => typeof value === 'string' && value !== '') as string | undefined
  if (asked === undefined) throw new OllamaError(400, 'model is required')
  const found = findModel(asked)
  if (!found) throw new OllamaError(404, `model '${asked}' not found`)
  return toShow(found)
}
