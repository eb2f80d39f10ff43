import { isCloud, toFullName } from '#ollama-grammar/model-name.ts'
import { isProgress } from '../generation.ts'
import { createCached } from './cached.ts'
import { link } from './link.ts'
import type { Answer, CallContext, Upstream } from './upstream.ts'

export interface WaitingOptions {
  upstream: Upstream
  /** How many callers may ask for the list at once. */
  maxLoads: number
  now: () => number
}

/**
 * Tells who wants to know what Ollama does before the first event: it loads the model, if the model is not in its list of those that are loaded, or
 * it reads the prompt. The list is asked for beside the generation and holds nothing up: what does not come in time is not told.
 */
export function createWaiting({ upstream, maxLoads, now }: WaitingOptions): Upstream {
  const toLoaded = createCached({
    ttlMs: 1000,
    limitMs: 10_000,
    maxLoads,
    now,
    load: async (signal) => toNames(await upstream.ask({ about: 'ps' }, { signal })),
  })

  /** A function of its own, so that what was asked is not kept (hazard 81). Gives the one that ends it. */
  function tell(model: string, { signal, hold, onWaiting }: CallContext): () => void {
    const { controller, release } = link(signal)
    const told = toLoaded(controller.signal)
      .then((names) => {
        if (!controller.signal.aborted) onWaiting?.(names.has(toFullName(model)) ? 'evaluating' : 'loading')
      })
      .catch(() => {}) // not told
      .finally(release)
    hold?.(told)
    return () => controller.abort()
  }

  return {
    ...upstream,
    generate(call, context) {
      const { model = '' } = call
      // A cloud model is loaded elsewhere.
      if (!context.onWaiting || isProgress(call) || isCloud(model)) return upstream.generate(call, context)
      const generation = upstream.generate(call, context) // first: where connections are few, it must not wait for the question
      return generation.finally(tell(model, context))
    },
  }
}

function toNames({ value: { models } }: Answer): ReadonlySet<string> {
  const listed = (Array.isArray(models) ? models : []) as readonly { name?: unknown }[]
  return new Set(listed.flatMap(({ name }) => (typeof name === 'string' ? [toFullName(name)] : [])))
}
