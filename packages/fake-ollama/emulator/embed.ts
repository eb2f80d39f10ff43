import { parseBody, type Fields } from './body.ts'
import { findModel } from './catalog.ts'
import { toNanoseconds } from './clock.ts'
import { OllamaError, toJsonResponse } from './go-json.ts'
import type { LoadedModels } from './loaded-models.ts'
import { parseKeepAlive, parseOptions } from './options.ts'
import { createRandom, toHash } from './seeded.ts'
import { cutTokens } from './tokens.ts'

const fields: Fields = { model: 'string', options: 'map[string]interface {}' }

type Answer = (text: string, signal: AbortSignal) => Promise<Response>

/**
 * Serves `/api/embed` and the older `/api/embeddings`. Like Ollama, they accept any model, even a
 * chat model.
 */
export function createEmbed(loadedModels: LoadedModels): { embed: Answer; embeddings: Answer } {
  const load = async ({ model: name, options, keep_alive }: Record<string, unknown>, signal: AbortSignal) => {
    const model = findModel(String(name))
    if (!model) throw new OllamaError(404, `model ${JSON.stringify(name)} not found, try pulling it first`)
    const { num_ctx } = parseOptions(options)
    const release = await loadedModels.load(model, { numCtx: num_ctx, keepAliveMs: parseKeepAlive(keep_alive), signal })
    release()
  }

  return {
    async embed(text, signal) {
      const startedMs = performance.now()
      const body = parseBody(text, 'EmbedRequest', { ...fields, dimensions: 'int' })
      const inputs = parseInput(body.input)
      const { model = '', dimensions } = body
      if (!model) throw new OllamaError(404, `model '' not found`)
      await load(body, signal)
      const loadedMs = performance.now()
      if (inputs.length === 0) return toJsonResponse({ model, embeddings: [] })
      return toJsonResponse({
        model,
        embeddings: inputs.map((input) => toEmbedding(input, Number(dimensions) > 0 ? Number(dimensions) : undefined)),
        total_duration: toNanoseconds(startedMs),
        load_duration: toNanoseconds(startedMs, loadedMs),
        prompt_eval_count: inputs.reduce((count, input) => count + cutTokens(input, createRandom('')).length, 0),
      })
    },

    async embeddings(text, signal) {
      const body = parseBody(text, 'EmbeddingRequest', { ...fields, prompt: 'string' })
      if (!body.model) throw new OllamaError(400, 'model is required')
      await load(body, signal)
      return toJsonResponse({ embedding: typeof body.prompt === 'string' && body.prompt ? toEmbedding(body.prompt) : [] })
    },
  }
}

function parseInput(input: unknown): string[] {
  if (input === undefined || input === null || input === '') return []
  const list: unknown[] = Array.isArray(input) ? input : [input]
  if (!list.every((item) => typeof item === 'string')) throw new OllamaError(400, 'invalid input type')
  return list
}

const maxDimensions = 256

/**
 * Makes a vector of length 1 from the words of a text and the beginnings of these words. So texts
 * that share words are near each other. A little noise, seeded by the text, makes different texts
 * differ. Values are float32, as in Ollama.
 */
function toEmbedding(text: string, dimensions = maxDimensions): number[] {
  const random = createRandom(text)
  const vector = Array.from({ length: Math.min(dimensions, maxDimensions) }, () => (random() - 0.5) * 0.02)
  const add = (feature: string, weight: number) => {
    const hash = toHash(feature)
    const index = hash % vector.length
    vector[index] = (vector[index] ?? 0) + (hash & 0x8000 ? weight : -weight)
  }
  for (const word of text.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{N}]+/gu) ?? []) {
    add(word, 1)
    add(word.slice(0, 4), 0.5)
  }
  const norm = Math.hypot(...vector)
  return vector.map((value) => Number(Math.fround(value / norm).toPrecision(8)))
}
