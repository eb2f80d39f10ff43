import { ServiceError } from '../errors.ts'
import { createCached } from './cached.ts'
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
 * Finds a model for a request that names none. If a model is configured, it is that one.
 * Otherwise it is a loaded model, or else the newest installed one. Only models that the
 * request's key may use count.
 * @throws ServiceError `no_model` if there is none
 */
export function createDefaultModel({ configured, ask, maxLoads, now }: DefaultModelOptions) {
  const find = (about: 'ps' | 'tags') => async (signal: AbortSignal) => toModels(await ask({ about }, { signal }))
  const lists = { ttlMs: 30_000, limitMs: 10_000, maxLoads, now }
  const loaded = createCached({ ...lists, load: find('ps') })
  const installed = createCached({
    ...lists,
    async load(signal) {
      const models = await find('tags')(signal)
      // An error is not cached, so a model that is pulled next is found at once.
      if (models.length === 0) throw noModel()
      return models.toSorted((a, b) => b.modifiedAt - a.modifiedAt)
    },
  })

  return async ({ signal }: CallContext, isAllowed: (name: string) => boolean): Promise<string> => {
    const toAllowed = (models: readonly { name: string }[]) => models.find(({ name }) => isAllowed(name))?.name
    const name =
      configured === undefined
        ? (toAllowed(await loaded(signal)) ?? toAllowed(await installed(signal)))
        : toAllowed([{ name: configured }])
    if (name === undefined) throw noModel()
    return name
  }
}

function noModel(): ServiceError {
  return new ServiceError('no_model', 'No model is here that you may use; name another, or run: ollama pull gemma3')
}

/**
 * The models of a list that write text on this machine. A cloud model sends prompts elsewhere,
 * and an embedding model writes no text. Ollama lists the capabilities of installed models since
 * 0.33. In other lists, a model of a BERT family counts as an embedding model.
 */
function toModels({ value: { models } }: Answer): { name: string; modifiedAt: number }[] {
  if (!Array.isArray(models)) return []
  return (models as ListedModel[])
    .filter(({ name, remote_host, details, capabilities }) => {
      const writes = Array.isArray(capabilities) ? capabilities.includes('completion') : !/bert/.test(details?.family ?? '')
      return typeof name === 'string' && !remote_host && writes
    })
    .map(({ name, modified_at }) => ({ name, modifiedAt: Date.parse(modified_at ?? '') || 0 }))
}

interface ListedModel {
  name: string
  modified_at?: string
  remote_host?: string
  details?: { family?: string }
  capabilities?: readonly string[]
}
