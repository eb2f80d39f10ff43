import type { Config } from './parse-config.ts'
import type { OllamaHost } from './schemas.ts'

/** One Ollama, with all its settings. */
export interface Host extends OllamaHost {
  readonly max: number
}

/** The variable of the API key of a host: `OLLAMA_API_KEY_GPU_1` for the host `gpu-1`. */
export function toApiKeyName(host: string): string {
  return `OLLAMA_API_KEY_${host.toUpperCase().replaceAll('-', '_')}`
}

/** The variables of the API keys for a text of `OLLAMA_HOSTS`, which may have mistakes. */
export function toApiKeyNames(hosts: string): readonly string[] {
  return Array.from(hosts.matchAll(/(?:^|,)\s*([a-z\d-]+)=/g), ([, name = '']) => toApiKeyName(name))
}

/** Returns the hosts of `OLLAMA_HOSTS`, or the one of `OLLAMA_HOST`, whose name is `ollama`. */
export function toHosts({
  upstream: { host, apiKey, hosts, demo },
  queue,
}: Pick<Config, 'upstream' | 'queue'>): readonly Host[] {
  const only = { name: 'ollama', url: host, tier: 1, max: undefined, weight: 1, apiKey }
  return (hosts.length > 0 && !demo ? hosts : [only]).map((one) => ({ ...one, max: one.max ?? queue.running }))
}
