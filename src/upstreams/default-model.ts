import { ServiceError } from '../errors.ts'
import { createCached } from './cached.ts'
import type { Answer, CallContext, Upstream } from './upstream.ts'

export interface DefaultModelOptions {
  /** `SLUICE_MODEL` */
  configured: string | undefined
  ask: Upstream['ask']
  now: () => number
}

/**
 * The model of a request that names none: the configured one, else one that is already loaded, else the newest installed.
 * @throws ServiceError `no_model` if there is none at all
 */
export function createDefaultModel({ configured, ask, now }: DefaultModelOptions): (context: CallContext) => Promise<string> {
  if (configured) return async () => configured

  const find = createCached({
    ttlMs: 30_000,
    now,
    async load(signal) {
      const [loaded] = toModels(await ask({ about: 'ps' }, { signal }))
      if (loaded) return loaded.name
      const [newest] = toModels(await ask({ about: 'tags' }, { signal })).toSorted((a, b) => b.modifiedAt - a.modifiedAt)
      if (newest) return newest.name
      throw new ServiceError('no_model', 'No model is installed; run: ollama pull gemma3')
    },
  })
  return ({ signal }) => find(signal)
}

/** Those that write text on this machine: embedding models (the BERT families) cannot, and a cloud model takes prompts elsewhere. */
function toModels({ value: { models } }: Answer): { name: string; modifiedAt: number }[] {
  if (!Array.isArray(models)) return []
  return (models as ListedModel[])
    .filter(({ name, remote_host, details }) => typeof name === 'string' && !remote_host && !/bert/.test(details?.family ?? ''))
    .map(({ name, modified_at }) => ({ name, modifiedAt: Date.parse(modified_at ?? '') || 0 }))
}

interface ListedModel {
  name: string
  modified_at?: string
  remote_host?: string
  details?: { family?: string }
}
