/** The variable of the API key of a host: `OLLAMA_API_KEY_GPU_1` for the host `gpu-1`. */
export function toApiKeyName(host: string): string {
  return `OLLAMA_API_KEY_${host.toUpperCase().replaceAll('-', '_')}`
}

/** The variables of the API keys for a text of `OLLAMA_HOSTS`, which may have mistakes. */
export function toApiKeyNames(hosts: string): readonly string[] {
  return Array.from(hosts.matchAll(/(?:^|,)\s*([a-z\d-]+)=/g), ([, name = '']) => toApiKeyName(name))
}
