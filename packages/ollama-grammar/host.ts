/**
 * Turns `OLLAMA_HOST` into the upstream's base URL without a trailing slash. The rules are the same
 * as in Ollama, which tolerates some mistakes (docs/ollama.md#2-ollama_host). Returns undefined if
 * the value has another scheme, user information or an invalid host.
 */
export function parseOllamaHost(value: string): string | undefined {
  const text = value
    .trim()
    .replaceAll(/^["']+|["']+$/g, '')
    .trim()
  const [, scheme = '', rest = ''] = /^(?:([^/]*?):\/\/)?(.*)$/s.exec(text) ?? []
  if (!['', 'http', 'https'].includes(scheme)) return undefined
  if (scheme === '' && rest === 'ollama.com') return 'https://ollama.com'

  const slash = rest.indexOf('/')
  const authority = slash === -1 ? rest : rest.slice(0, slash)
  const path = slash === -1 ? '' : rest.slice(slash).replace(/\/+$/, '')
  const defaultPort = scheme === 'https' ? '443' : scheme === 'http' ? '80' : '11434'

  const [, host = '', port] = isIPv6(authority)
    ? [authority, `[${authority}]`]
    : (/^(\[[^\]]*\]|[^:]*)(?::([^:]*))?$/.exec(authority) ?? [])
  if (authority !== '' && host === '' && port === undefined) return undefined
  if (/[@?#\\\s%]/.test(authority) || /[?#\\\s]/.test(path)) return undefined
  const known = port !== undefined && /^\d+$/.test(port) && Number(port) <= 65_535 ? port : defaultPort
  // A server may listen on `0.0.0.0` or `[::]`, but requests must go to the loopback address.
  const target = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host
  try {
    return new URL(`${scheme || 'http'}://${target}:${known}${path}`).href.replace(/\/$/, '')
  } catch {
    return undefined
  }
}

function isIPv6(text: string): boolean {
  return /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text)
}
