import { isCloud, toFullName } from '#ollama-grammar/model-name.ts'
import { isProgress } from '../generation.ts'
import { createCached } from './cached.ts'
import { link } from './link.ts'
import { toModels } from './models.ts'
import type { Answer, CallContext, Upstream } from './upstream.ts'

export interface WaitingOptions {
  upstream: Upstream
  /** How many callers may load the list of loaded models at once. */
  maxLoads: number
  now: () => number
}

/**
 * Tells `onWaiting` what Ollama does before the first event. If the model is not in Ollama's list
 * of loaded models, Ollama loads it. Otherwise Ollama reads the prompt. The list is requested
 * beside the generation, and the generation never waits for it. If the list comes too late,
 * nothing is said.
 */
export function createWaiting({ upstream, maxLoads, now }: WaitingOptions): Upstream {
  const toLoaded = createCached({
    ttlMs: 1000,
    limitMs: 10_000,
    maxLoads,
    now,
    load: async (signal) => toNames(await upstream.ask({ about: 'ps' }, { signal })),
  })

  /**
   * Requests the list and tells what it says. Returns a function that stops this. `report` is a
   * function of its own so that its closures do not keep the request (docs/hazards.md#81).
   */
  function report(model: string, { signal, waitUntil, onWaiting }: CallContext): () => void {
    const { controller, release } = link(signal)
    const reported = toLoaded(controller.signal)
      .then((names) => {
        if (!controller.signal.aborted) onWaiting?.(names.has(toFullName(model)) ? 'evaluating' : 'loading')
      })
      .catch(() => {}) // without a list, nothing is said
      .finally(release)
    waitUntil?.(reported)
    return () => controller.abort()
  }

  return {
    ...upstream,
    generate(call, context) {
      const { model = '' } = call
      // A cloud model is loaded elsewhere.
      if (!context.onWaiting || isProgress(call) || isCloud(model)) return upstream.generate(call, context)
      // The generation goes first, because it must not wait for the list where connections are
      // few.
      const generation = upstream.generate(call, context)
      return generation.finally(report(model, context))
    },
  }
}

function toNames(answer: Answer): ReadonlySet<string> {
  return new Set(toModels(answer).map(({ name }) => toFullName(name)))
}
