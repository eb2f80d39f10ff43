import { isModelName } from '#ollama-grammar/model-name.ts'
import { isObject } from './body.ts'
import { findModel, type Model } from './catalog.ts'
import { foldDeltas, toChunk, type Endpoint, type Head, type Delta } from './chunk.ts'
import { parseCompletionRequest, type CompletionRequest } from './completion-request.ts'
import { OllamaError, toGoJson, toJsonResponse } from './go-json.ts'
import { openLineStream } from './line-stream.ts'
import type { LoadedModels } from './loaded-models.ts'
import { parseOptions } from './options.ts'
import { createPlan } from './plan.ts'
import { produce, type Piece } from './produce.ts'

interface CompletionOptions {
  loadedModels: LoadedModels
  /** Returns the next `created_at`. */
  clock: () => string
  tokensPerSecond: number
}

/**
 * Serves `/api/generate` and `/api/chat` in the order of Ollama's handlers: check the request,
 * load the model, plan the answer, then send it line by line or as one line.
 */
export function createCompletion({ loadedModels, clock, tokensPerSecond }: CompletionOptions) {
  return async (endpoint: Endpoint, text: string, signal: AbortSignal): Promise<Response> => {
    const startedMs = performance.now()
    const request = parseCompletionRequest(endpoint, text)
    const { isEmpty, keepAliveMs, format } = request
    const model = findRequested(request)
    const head = () => ({ endpoint, model: request.model, createdAt: clock() })
    const toOnlyLine = (doneReason: 'load' | 'unload') => toJsonResponse(toChunk(head(), { text: '' }, { doneReason }))
    if (isEmpty && keepAliveMs === 0) {
      loadedModels.unload(model)
      return toOnlyLine('unload')
    }
    checkCapabilities(request, model)
    const options = parseOptions(request.options)
    const release = await loadedModels.load(model, { numCtx: options.num_ctx, keepAliveMs, signal })
    if (isEmpty) {
      release()
      return toOnlyLine('load')
    }

    const loadedMs = performance.now()
    const toPieces = async function* (until: AbortSignal) {
      try {
        checkFormat(format)
        yield* produce(createPlan(request, options, model), { tokensPerSecond, startedMs, loadedMs, signal: until })
      } finally {
        release()
      }
    }
    if (!request.stream) return toJsonResponse(await foldPieces(head, toPieces(signal)))
    const toLines = async function* (until: AbortSignal) {
      for await (const piece of toPieces(until))
        yield `${toGoJson('error' in piece ? piece : toChunk(head(), piece.delta, piece.end))}\n`
    }
    const lines = await openLineStream(toLines, signal)
    return new Response(lines, { headers: { 'content-type': 'application/x-ndjson' } })
  }
}

/**
 * Finds the model of a request.
 * @throws OllamaError for an unknown model. If the name is missing, each of the two endpoints has
 * its own error (captures/error-no-model, error-chat-no-model).
 */
function findRequested({ endpoint, model }: CompletionRequest): Model {
  if (model === '' && endpoint === 'chat') throw new OllamaError(400, 'model is required')
  if (model !== '' && !isModelName(model)) throw new OllamaError(400, 'invalid model name')
  const found = findModel(model)
  if (!found) throw new OllamaError(404, `model '${model}' not found`)
  return found
}

/** @throws OllamaError 400 if the model lacks a capability that the request needs */
function checkCapabilities({ endpoint, model, think, tools }: CompletionRequest, { name, capabilities }: Model): void {
  const asked = JSON.stringify(model)
  const check = (capability: string, isWanted: boolean, refusal: string) => {
    if (isWanted && !capabilities.includes(capability)) throw new OllamaError(400, refusal)
  }
  check('thinking', think !== undefined && think !== false, `${asked} does not support thinking`)
  check('completion', true, `${asked} does not support ${endpoint}`)
  check('tools', tools.length > 0, `registry.ollama.ai/library/${name} does not support tools`)
}

/**
 * Checks `format`. In Ollama the runner checks it, so the error comes only after the model is
 * loaded (captures/error-bad-format).
 * @throws OllamaError 500 for a `format` that is neither `"json"` nor a schema
 */
function checkFormat(format: unknown): void {
  if (format === undefined || format === '' || format === 'json' || isObject(format)) return
  const text = JSON.stringify(JSON.stringify(format))
  const message = `invalid format: ${text}; expected "json" or a valid JSON Schema object`
  throw new OllamaError(500, message, 'application/json')
}

/**
 * Joins all pieces into the one object of `stream: false`. A truncated answer stays `done: false`.
 * @throws OllamaError 500 if the answer fails. An error status is still possible, because no
 * headers have been sent.
 */
async function foldPieces(head: () => Head, pieces: AsyncIterable<Piece>): Promise<object> {
  const deltas: Delta[] = []
  for await (const piece of pieces) {
    if ('error' in piece) throw new OllamaError(500, piece.error)
    deltas.push(piece.delta)
    if (piece.end) return toChunk(head(), foldDeltas(deltas), piece.end)
  }
  return toChunk(head(), foldDeltas(deltas))
}
