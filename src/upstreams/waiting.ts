import { isCloud, toFullName } from '#ollama-grammar/model-name.ts'
import { isProgress } from '../generation.ts'
import { createCached } from './cached.ts'
import { link } from './link.ts'
import { toModels } from './models.ts'
import type { Answer, CallContext, Upstream } from './upstream.ts'

export interface WaitingOptions {
  upstream: Upstream
  /** How many callers may request Ollama's list of loaded models at once. */
  maxLoads: number
  now: () => number
}

/**
 * Reports to `onWaiting` what Ollama does before the first event. If the model is not in Ollama's
 * list of loaded models, Ollama loads it. Otherwise Ollama reads the prompt. The list is requested
 * in parallel with the generation. The generation never waits for the list. If the list comes too
 * late, nothing is reported.
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
   * Requests the list and reports the state of the model. Returns a function that cancels the
   * report. `report` is a separate function, so that its closures do not keep the request in memory
   * (docs/hazards.md#81).
   */
  function report(model: string, { signal, waitUntil, onWaiting }: CallContext): () => void {
    const { controller, release } = link(signal)
    const reported = toLoaded(controller.signal)
      .then((names) => {
        if (!controller.signal.aborted) onWaiting?.(names.has(toFullName(model)) ? 'evaluating' : 'loading')
      })
      .catch(() => {}) // without a list, nothing is reported
      .finally(release)
    waitUntil?.(reported)
    return () => controller.abort()
  }

  return {
    ...upstream,
    generate(call, context) {
      const { model = '' } = call
      // A cloud model is not loaded by this Ollama, so its state is unknown.
      if (!context.showsWaiting || isProgress(call) || isCloud(model)) return upstream.generate(call, context)
      // The generation is sent before the list is requested. If only a few connections may be open,
      // the generation could otherwise wait until the request for the list has ended.
      const generation = upstream.generate(call, context)
      return generation.finally(report(model, context))
    },
  }
}

function toNames(answer: Answer): ReadonlySet<string> {
  return new Set(toModels(answer).map(({ name }) => toFullName(name)))
}
