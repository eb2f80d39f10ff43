import { toContextLength, toRunning, type Model } from './catalog.ts'
import { toGoTime } from './clock.ts'
import { wait } from './pace.ts'

interface Loaded {
  readonly model: Model
  readonly contextLength: number
  readonly readyAtMs: number
  expiresAtMs: number
  running: number
}

export type LoadedModels = ReturnType<typeof createLoadedModels>

/**
 * Creates the record of the models in memory. A load is stored as the time at which it ends. It is
 * not stored as a promise, because on workerd one request must not wait for the promise of another
 * request. When a request is aborted, its load stops if no other request waits for it. A request
 * with another `num_ctx` loads the model again (docs/ollama.md#1-stream,
 * docs/ollama.md#4-cancellation).
 */
export function createLoadedModels({ coldStartMs }: { coldStartMs: number }) {
  const byName = new Map<string, Loaded>()
  const isAlive = (loaded: Loaded) => loaded.running > 0 || loaded.expiresAtMs > Date.now()

  /** Finds the model in memory, or starts to load it. */
  const findOrLoad = (model: Model, contextLength: number): Loaded => {
    const known = byName.get(model.name)
    if (known && isAlive(known) && known.contextLength === contextLength) return known
    const loaded = { model, contextLength, readyAtMs: Date.now() + coldStartMs, expiresAtMs: 0, running: 0 }
    byName.set(model.name, loaded)
    return loaded
  }

  return {
    /**
     * Resolves once the model is loaded. Call the returned function exactly once, when the
     * generation is over.
     */
    async load(
      model: Model,
      options: { numCtx: number | undefined; keepAliveMs: number; signal: AbortSignal },
    ): Promise<() => void> {
      const loaded = findOrLoad(model, toContextLength(options.numCtx))
      const expireIn = (ms: number) => void (loaded.expiresAtMs = Date.now() + ms)
      const release = (ms: number) => {
        loaded.running--
        expireIn(ms)
      }
      loaded.running++
      expireIn(options.keepAliveMs)
      const loadingMs = loaded.readyAtMs - Date.now()
      try {
        if (loadingMs > 0) await wait(loadingMs, options.signal)
      } catch (error) {
        release(0)
        throw error
      }
      return () => release(options.keepAliveMs)
    },

    unload(model: Model): void {
      byName.delete(model.name)
    },

    /**
     * Returns the `models` of `/api/ps`: the loaded and the loading models. The model that expires
     * last comes first.
     */
    list(): object[] {
      return Array.from(byName.values())
        .filter(isAlive)
        .toSorted((a, b) => b.expiresAtMs - a.expiresAtMs)
        .map(({ model, expiresAtMs, contextLength }) =>
          toRunning(model, toGoTime(BigInt(Math.round(expiresAtMs)) * 1_000_000n), contextLength),
        )
    },
  }
}
