import { isObject, parseBody } from './body.ts'
import type { Fields } from './body.ts'
import { toNanoseconds } from './clock.ts'
import { toEmbedding } from './embedding.ts'
import { toJsonResponse } from './json-response.ts'
import { parseKeepAlive } from './keep-alive.ts'
import type { LoadedModels } from './loaded-models.ts'
import { findModel, toContextLength } from './catalog.ts'
import { OllamaError } from './ollama-error.ts'
import { parseOptions } from './options.ts'
import { createRandom } from './seeded.ts'
import { cutTokens } from './tokens.ts'

const fields: Fields = { model: 'string', options: 'map[string]interface {}' }

type Answer = (text: string, signal: AbortSignal) => Promise<Response>

/** `/api/embed` and its older sister `/api/embeddings`. As in Ollama any model will do, one for chatting too. */
export function createEmbed(loadedModels: LoadedModels): { embed: Answer; embeddings: Answer } {
  const load = async (body: Record<string, unknown>, signal: AbortSignal) => {
    const name = toName(body)
    const model = findModel(name)
    if (!model) throw new OllamaError(404, `model ${JSON.stringify(name)} not found, try pulling it first`)
    const options = parseOptions(isObject(body.options) ? body.options : undefined)
    const contextLength = toContextLength(options.num_ctx)
    const release = await loadedModels.load(model, { contextLength, keepAliveMs: parseKeepAlive(body.keep_alive), signal })
    release()
  }

  return {
    async embed(text, signal) {
      const startedMs = performance.now()
      const body = parseBody(text, 'EmbedRequest', { ...fields, dimensions: 'int' })
      const inputs = parseInput(body.input)
      if (toName(body) === '') throw new OllamaError(404, `model '' not found`)
      await load(body, signal)
      const loadedMs = performance.now()
      if (inputs.length === 0) return toJsonResponse({ model: body.model, embeddings: [] })
      const dimensions = typeof body.dimensions === 'number' && body.dimensions > 0 ? body.dimensions : undefined
      return toJsonResponse({
        model: body.model,
        embeddings: inputs.map((input) => toEmbedding(input, dimensions)),
        total_duration: toNanoseconds(startedMs),
        load_duration: toNanoseconds(startedMs, loadedMs),
        prompt_eval_count: inputs.reduce((count, input) => count + cutTokens(input, createRandom('')).length, 0),
      })
    },

    async embeddings(text, signal) {
      const body = parseBody(text, 'EmbeddingRequest', { ...fields, prompt: 'string' })
      if (toName(body) === '') throw new OllamaError(400, 'model is required')
      await load(body, signal)
      const prompt = typeof body.prompt === 'string' ? body.prompt : ''
      return toJsonResponse({ embedding: prompt === '' ? [] : toEmbedding(prompt) })
    },
  }
}

function toName({ model }: Record<string, unknown>): string {
  return typeof model === 'string' ? model : ''
}

function parseInput(input: unknown): string[] {
  if (input === undefined || input === null || input === '') return []
  const list: unknown[] = Array.isArray(input) ? input : [input]
  if (!list.every((item) => typeof item === 'string')) throw new OllamaError(400, 'invalid input type')
  return list
}
