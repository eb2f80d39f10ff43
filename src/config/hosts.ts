import type { Config } from './parse-config.ts'
import type { OllamaHost } from './schemas.ts'

/** One Ollama, with all its settings. */
export interface Host extends OllamaHost {
  readonly max: number
}

/** Returns the hosts of `OLLAMA_HOSTS`, or the one of `OLLAMA_HOST`, whose name is `ollama`. */
export function toHosts({
  upstream: { host, apiKey, hosts, demo },
  queue,
}: Pick<Config, 'upstream' | 'queue'>): readonly Host[] {
  const only = { name: 'ollama', url: host, tier: 1, max: undefined, weight: 1, apiKey }
  return (hosts.length > 0 && !demo ? hosts : [only]).map((one) => ({ ...one, max: one.max ?? queue.running }))
}
