/** What is spoken at a path: Ollama's two streams, OpenAI's chat, and what only Sluice is asked for. */
export type Dialect = 'generate' | 'chat' | 'openai' | 'completions' | 'responses' | 'anthropic' | 'ai-sdk'

/** Where readers ask, and how. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly dialect: Dialect
  /** The framing to ask for. */
  readonly accept: 'text/event-stream' | 'application/x-ndjson'
}

/** Where a row that the bench has started itself is asked. */
export function toTarget(port: number): Target {
  return { host: '127.0.0.1', port, path: '/api/generate', dialect: 'generate', accept: 'text/event-stream' }
}

/**
 * A gateway's base URL says what it speaks: `…/v1` is OpenAI's chat completions, anything else Ollama's API, with or without its `/api`.
 * A whole path is taken as it is: `…/api/chat`, `…/chat/completions`.
 * @throws Error unless it is an http URL
 */
export function parseTarget(url: string): Target {
  const { protocol, hostname, port, pathname } = URL.parse(url) ?? {}
  if (protocol !== 'http:' || !hostname) throw new Error(`Cannot bench '${url}': it is no http:// URL`)
  const base = pathname?.replace(/\/+$/, '') ?? ''
  const at = { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 80) }
  if (base.endsWith('/v1')) return { ...at, path: `${base}/chat/completions`, dialect: 'openai', accept: 'text/event-stream' }
  if (base.endsWith('/chat/completions')) return { ...at, path: base, dialect: 'openai', accept: 'text/event-stream' }
  if (base.endsWith('/chat')) return { ...at, path: base, dialect: 'chat', accept: 'application/x-ndjson' }
  const path = base.endsWith('/generate') ? base : `${base.replace(/\/api$/, '')}/api/generate`
  return { ...at, path, dialect: 'generate', accept: 'application/x-ndjson' }
}
