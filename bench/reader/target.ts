/**
 * The API of a path. `generate` and `chat` are APIs of Ollama, and `openai` is OpenAI's chat
 * completions. The other dialects are measured only on Sluice.
 */
export type Dialect = 'generate' | 'chat' | 'openai' | 'completions' | 'responses' | 'anthropic' | 'ai-sdk'

/** Where readers send requests, and in which dialect. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly dialect: Dialect
  /** The framing that readers request. */
  readonly accept: 'text/event-stream' | 'application/x-ndjson'
  /** Lines of the request's head that a gateway needs, such as `x-provider: ollama`. */
  readonly headers?: readonly string[]
}

/** Returns the target of a row that the bench has started itself. */
export function toTarget(port: number): Target {
  return { host: '127.0.0.1', port, path: '/api/generate', dialect: 'generate', accept: 'text/event-stream' }
}

/** Returns the target of the row `olla`: Ollama's API under a path of Olla's. */
export function toOllaTarget(port: number): Target {
  return { ...toTarget(port), path: '/olla/ollama/api/generate', accept: 'application/x-ndjson' }
}

/**
 * Derives the dialect from a gateway's base URL. `…/v1` means OpenAI's chat completions. Any other
 * base URL means Ollama's API, with or without its `/api`. A complete path, `…/api/chat` or
 * `…/chat/completions`, is used unchanged.
 * @throws Error unless it is an http URL
 */
export function parseTarget(url: string, headers: readonly string[] = []): Target {
  const { protocol, hostname, port, pathname } = URL.parse(url) ?? {}
  if (protocol !== 'http:' || !hostname) throw new Error(`Cannot bench '${url}': it is no http:// URL`)
  const base = pathname?.replace(/\/+$/, '') ?? ''
  const address = { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 80), headers }
  if (base.endsWith('/v1'))
    return { ...address, path: `${base}/chat/completions`, dialect: 'openai', accept: 'text/event-stream' }
  if (base.endsWith('/chat/completions')) return { ...address, path: base, dialect: 'openai', accept: 'text/event-stream' }
  if (base.endsWith('/chat')) return { ...address, path: base, dialect: 'chat', accept: 'application/x-ndjson' }
  const path = base.endsWith('/generate') ? base : `${base.replace(/\/api$/, '')}/api/generate`
  return { ...address, path, dialect: 'generate', accept: 'application/x-ndjson' }
}
