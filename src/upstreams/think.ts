import { toFullName } from '#ollama-grammar/model-name.ts'
import { ServiceError } from '../errors.ts'
import type { GenerationCall } from '../generation.ts'
import { createCached } from './cached.ts'
import { toModels } from './models.ts'
import type { Answer, Upstream } from './upstream.ts'

export interface ThinkOptions {
  upstream: Upstream
  /** How many callers may load the list of models at once. */
  maxLoads: number
  now: () => number
}

/**
 * Removes an optional `think` from a request if the model cannot think, as Ollama's own
 * `/v1/messages` does. Ollama's `/api/chat` would reject the request. Since 0.33, Ollama's list of
 * models contains the capabilities of each model. If the capabilities are not listed, `think` is
 * sent. If Ollama then rejects `think`, the request is sent once more without `think`.
 */
export function createThink({ upstream, maxLoads, now }: ThinkOptions): Upstream {
  const toThinking = createCached({
    ttlMs: 30_000,
    limitMs: 1000, // short, because a generation waits for this list
    maxLoads,
    now,
    load: async (signal) => toThinkingByName(await upstream.ask({ about: 'tags' }, { signal })),
  })

  /** Whether the model can think. Undefined if it is not known. @throws the signal's reason */
  async function canThink(model: string, signal: AbortSignal): Promise<boolean | undefined> {
    try {
      const thinking = await toThinking(signal)
      return thinking.get(toFullName(model))
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  }

  return {
    ...upstream,
    async generate(call, context) {
      const { thinkWish, model = '', body } = call
      if (thinkWish === undefined || !body.think) return upstream.generate(call, context)
      if ((await canThink(model, context.signal)) !== false) {
        try {
          return await upstream.generate(call, context)
        } catch (error) {
          if (!isThinkingUnsupported(error)) throw error
        }
      }
      context.ignore?.(thinkWish)
      return upstream.generate(withoutThink(call), context)
    },
  }
}

function withoutThink(call: GenerationCall): GenerationCall {
  const { think: _, ...body } = call.body
  return { ...call, body }
}

/** `"smollm2:135m" does not support thinking` (docs/ollama.md#3-errors) */
function isThinkingUnsupported(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'upstream_rejected' && /does not support thinking/i.test(error.message)
}

/**
 * Maps the name of each model to whether the model can think. A model whose capabilities are not
 * listed is left out.
 */
function toThinkingByName(answer: Answer): ReadonlyMap<string, boolean> {
  return new Map(
    toModels(answer).flatMap(({ name, capabilities }) =>
      Array.isArray(capabilities) ? [[toFullName(name), capabilities.includes('thinking')]] : [],
    ),
  )
}
