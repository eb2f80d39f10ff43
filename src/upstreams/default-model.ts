import { isModelName } from '#ollama-grammar/model-name.ts'
import { ServiceError } from '../errors.ts'
import { isObject } from '../exact-json.ts'
import { createCached } from './cached.ts'
import { toModels } from './models.ts'
import type { Answer, CallContext, Upstream } from './upstream.ts'

export interface DefaultModelOptions {
  /** The model that `SLUICE_MODEL` names. */
  configured: string | undefined
  ask: Upstream['ask']
  /** How many callers may load the same list at once. */
  maxLoads: number
  now: () => number
}

/**
 * Returns a function that finds a model for a request that names no model. The function considers
 * only models that `isAllowed` accepts. If a model is configured, only that model is used.
 * Otherwise, the function returns a loaded model, or else the newest installed model.
 * @throws ServiceError `no_model` if no model is found
 */
export function createDefaultModel({ configured, ask, maxLoads, now }: DefaultModelOptions) {
  const loadList = (about: 'ps' | 'tags') => async (signal: AbortSignal) => toWriters(await ask({ about }, { signal }))
  const lists = { ttlMs: 30_000, limitMs: 10_000, maxLoads, now }
  const loaded = createCached({ ...lists, load: loadList('ps') })
  const installed = createCached({
    ...lists,
    async load(signal) {
      const models = toNewestFirst(await loadList('tags')(signal))
      // An empty list must not be cached, so that the first model is found as soon as it is pulled.
      // So this throws an error, which is not cached.
      if (models.length === 0) throw noModel()
      return models
    },
  })

  /**
   * @param tags Ollama's list of installed models, if the caller already has it. It is newer than
   * the cached lists, which may be 30 s old.
   */
  return async ({ signal }: CallContext, isAllowed: (name: string) => boolean, tags?: Answer): Promise<string> => {
    const listed = tags && toNewestFirst(toWriters(tags))
    const names = listed && new Set(listed.map(({ name }) => name))
    const isUsable = ({ name }: { name: string }) => isAllowed(name) && (names?.has(name) ?? true)
    const findUsable = (models: readonly { name: string }[]) => models.find(isUsable)?.name
    const name =
      configured === undefined
        ? (findUsable(await loaded(signal)) ?? findUsable(listed ?? (await installed(signal))))
        : [configured].find(isAllowed)
    if (name === undefined) throw noModel()
    return name
  }
}

interface FoundModel {
  readonly name: string
  readonly modifiedAt: number
}

function toNewestFirst(models: readonly FoundModel[]): FoundModel[] {
  return models.toSorted((a, b) => b.modifiedAt - a.modifiedAt)
}

function noModel(): ServiceError {
  return new ServiceError('no_model', 'Ollama has no model that you may use; name another, or run: ollama pull gemma3')
}

/**
 * Returns the listed models that run on this machine and write text. A cloud model sends prompts to
 * another machine, and an embedding model writes no text. Since 0.33, Ollama lists the capabilities
 * of installed models. If the capabilities are not listed, a model of a BERT family is treated as
 * an embedding model. A broken host may list any text as a name, and the log would have it.
 */
function toWriters(answer: Answer): FoundModel[] {
  return toModels(answer)
    .filter(({ name, remote_host, details, capabilities }) => {
      if (remote_host || name.length > 256 || !isModelName(name)) return false
      if (Array.isArray(capabilities)) return capabilities.includes('completion')
      return !(isObject(details) && typeof details.family === 'string' && details.family.includes('bert'))
    })
    .map(({ name, modified_at }) => ({ name, modifiedAt: typeof modified_at === 'string' ? Date.parse(modified_at) || 0 : 0 }))
}
