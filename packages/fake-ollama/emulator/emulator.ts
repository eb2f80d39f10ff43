import { parseBody } from './body.ts'
import { findModel, models, toShow, toTag } from './catalog.ts'
import { createClock } from './clock.ts'
import { createCompletion } from './completion.ts'
import { createEmbed } from './embed.ts'
import { OllamaError, toJsonResponse } from './go-json.ts'
import { createLoadedModels } from './loaded-models.ts'

export interface EmulatorOptions {
  /** The average rate. Default 40. */
  tokensPerSecond?: number
  /**
   * Milliseconds of silence before the first answer of a model that is not loaded. Default 1500.
   */
  coldStartMs?: number
}

export interface Emulator {
  /**
   * Replaces the network's `fetch`. When `init.signal` aborts, a call that waits for its headers
   * rejects with the signal's reason, and an open body errors with it. Nothing goes on in the
   * background.
   */
  fetch(input: Request | string | URL, init?: RequestInit): Promise<Response>
}

type Handler = (text: string, signal: AbortSignal) => Response | Promise<Response>

interface Route {
  allow: 'POST' | 'GET, HEAD'
  handle: Handler
}

/**
 * Creates an Ollama without a model, for `npm run demo`. It answers with a tour of Sluice at the
 * pace of a model. Words, field order and error texts are those of the recordings. Each emulator
 * has its own list of loaded models. Nothing runs between requests.
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

  const get = (handle: Handler): Route => ({ allow: 'GET, HEAD', handle })
  const post = (handle: Handler): Route => ({ allow: 'POST', handle })
  const routes = new Map([
    ['/', get(() => toText('Ollama is running', 200, { 'content-type': 'text/plain; charset=utf-8' }))],
    ['/api/tags', get(() => toJsonResponse({ models: models.map(toTag) }))],
    ['/api/ps', get(() => toJsonResponse({ models: loadedModels.list() }))],
    ['/api/version', get(() => toJsonResponse({ version: '0.33.0-demo' }))],
    ['/api/show', post((text) => toJsonResponse(show(text)))],
    ['/api/generate', post((text, signal) => complete('generate', text, signal))],
    ['/api/chat', post((text, signal) => complete('chat', text, signal))],
    ['/api/embed', post(embed)],
    ['/api/embeddings', post(embeddings)],
  ])

  async function answer(request: Request, signal: AbortSignal): Promise<Response> {
    const route = routes.get(new URL(request.url).pathname)
    if (!route || request.method === 'OPTIONS') return toText('404 page not found', 404)
    if (!route.allow.split(', ').includes(request.method)) return toText('405 method not allowed', 405, { allow: route.allow })
    try {
      return await route.handle(await request.text(), signal)
    } catch (error) {
      if (error instanceof OllamaError) return toJsonResponse({ error: error.message }, error.status, error.contentType)
      throw error
    }
  }

  return {
    async fetch(input, init = {}) {
      const signal = init.signal ?? (input instanceof Request ? input.signal : new AbortController().signal)
      signal.throwIfAborted()
      // On Node every Request with a signal keeps memory, so the signal goes beside it
      // (docs/hazards.md#37).
      const request = new Request(input, { ...init, signal: null })
      const response = await answer(request, signal)
      return request.method === 'HEAD' ? new Response(null, response) : response
    },
  }
}

function toText(text: string, status: number, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: { 'content-type': 'text/plain', ...headers } })
}

function show(text: string): object {
  const { model, name } = parseBody(text, 'ShowRequest', { model: 'string', name: 'string' })
  const asked = [model, name].find((value) => typeof value === 'string' && value !== '') as string | undefined
  if (asked === undefined) throw new OllamaError(400, 'model is required')
  const found = findModel(asked)
  if (!found) throw new OllamaError(404, `model '${asked}' not found`)
  return toShow(found)
}
