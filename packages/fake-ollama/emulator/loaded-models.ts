import { toGoTime } from './go-json.ts'
import { toRunning } from './catalog.ts'
import type { Model } from './catalog.ts'
import { wait } from './pace.ts'

interface Loaded {
  model: Model
  contextLength: number
  readyAtMs: number
  expiresAtMs: number
  running: number
}

interface LoadOptions {
  contextLength: number
  keepAliveMs: number
  signal: AbortSignal
}

export interface LoadedModels {
  /** Resolves once the model is loaded, with a function that says that its generation is over: call it exactly once. */
  load(model: Model, options: LoadOptions): Promise<() => void>
  unload(model: Model): void
  /** The `models` of `/api/ps`: loaded and loading ones, the one that expires last first. */
  list(): object[]
}

/**
 * Which models are in memory. A load is a moment in time and not a promise, because on workerd one request must not wait for
 * another's promise. Who leaves kills the load, if nobody else waits for it; another `num_ctx` loads again (docs/ollama.md §1, §4).
 */
export function createLoadedModels({ coldStartMs }: { coldStartMs: number }): LoadedModels {
  const byName = new Map<string, Loaded>()
  const isAlive = (loaded: Loaded) => loaded.running > 0 || loaded.expiresAtMs > Date.now()

  return {
    async load(model, { contextLength, keepAliveMs, signal }) {
      let loaded = byName.get(model.name)
      if (!loaded || !isAlive(loaded) || loaded.contextLength !== contextLength) {
        loaded = { model, contextLength, readyAtMs: Date.now() + coldStartMs, expiresAtMs: 0, running: 0 }
        byName.set(model.name, loaded)
      }
      const entry = loaded
      const keep = (ms: number) => {
        entry.expiresAtMs = Date.now() + ms
      }
      entry.running++
      keep(keepAliveMs)
      const loadingMs = entry.readyAtMs - Date.now()
      try {
        if (loadingMs > 0) await wait(loadingMs, signal)
      } catch (error) {
        entry.running--
        keep(0)
        throw error
      }
      return () => {
        entry.running--
        keep(keepAliveMs)
      }
    },

    unload(model) {
      byName.delete(model.name)
    },

    list() {
      return Array.from(byName.values())
        .filter(isAlive)
        .toSorted((a, b) => b.expiresAtMs - a.expiresAtMs)
        .map(({ model, expiresAtMs, contextLength }) =>
          toRunning(model, toGoTime(BigInt(Math.round(expiresAtMs)) * 1_000_000n), contextLength),
        )
    },
  }
}
