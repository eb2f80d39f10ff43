import { ServiceError } from '../errors.ts'

const maxMessageLength = 1000

/**
 * Turns an error of the upstream into a text for readers. The text keeps the message, but no stack,
 * address or HTML page (docs/protocol.md#4-errors). Returns undefined if nothing may be shown.
 */
export function toMessage(error: unknown): string | undefined {
  const text = typeof error === 'object' && error !== null && 'message' in error ? error.message : error
  if (typeof text !== 'string') return undefined
  const [firstLine = ''] = text.trim().split(/[\r\n]/, 1)
  if (firstLine === '' || firstLine.startsWith('<')) return undefined
  return firstLine
    .slice(0, 2 * maxMessageLength)
    .replaceAll(address, '[address]')
    .slice(0, maxMessageLength)
}

/**
 * Matches a URL, an IPv4 address with or without a port, an IPv6 address in brackets, or a host
 * name with a port. Ollama's errors may contain the address of its internal runner. The repetitions
 * at the start of each alternative have bounds, because a hostile text would otherwise take
 * quadratic time.
 */
const address =
  /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>]+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[[0-9a-f:]{0,40}:[0-9a-f:.]{0,40}\](?::\d+)?|\b(?:localhost|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,10}):\d{2,5}\b/gi

/** Turns a failed response into the error that a reader gets. `body` may be empty. */
export function toUpstreamError(status: number, headers: Headers, body: string): ServiceError {
  const message = toMessage(parseError(body))
  if (status >= 300 && status < 400) {
    return new ServiceError(
      'upstream_protocol',
      'Ollama answered with a redirect, which is not followed; OLLAMA_HOST or OLLAMA_HOSTS must have its own address',
    )
  }
  if (status === 429 || status === 503) {
    const upstreamRetryAfterSeconds = toRetryAfter(headers.get('retry-after'))
    return new ServiceError('upstream_busy', message ?? 'Ollama is busy; try again later', {
      status,
      retryAfterSeconds: upstreamRetryAfterSeconds ?? 1,
      upstreamRetryAfterSeconds,
    })
  }
  if (status === 404 && message !== undefined && /\bmodel\b.*\bnot found\b/i.test(message))
    return new ServiceError('model_not_found', message)
  if (status === 404 && message === undefined) {
    return new ServiceError(
      'upstream_protocol',
      'The server that OLLAMA_HOST or OLLAMA_HOSTS names does not know this path: it is not Ollama, or an Ollama that is too old',
      {
        upstreamStatus: status,
      },
    )
  }
  if (status === 400 && message !== undefined && isTooLong.test(message))
    return new ServiceError('invalid_request', message, { reason: 'context_length_exceeded' })
  if (status >= 400 && status < 500) return new ServiceError('upstream_rejected', message ?? toRejection(status), { status })
  if (status >= 500)
    return new ServiceError(
      'upstream_failed',
      message ?? `Ollama failed with status ${status} and did not say why; look at its log`,
      { upstreamStatus: status },
    )
  return new ServiceError(
    'upstream_protocol',
    `Cannot read the answer of Ollama: it has status ${status}; does OLLAMA_HOST or OLLAMA_HOSTS lead to Ollama?`,
  )
}

/**
 * Matches Ollama's error for a prompt, or for a text to embed, that is longer than the context of
 * the model (docs/ollama.md#3-errors).
 */
const isTooLong = /\b(?:prompt|input)\b.{1,40}\bcontext length\b/i

function toRejection(status: number): string {
  if (status === 403)
    return 'Ollama refused the request without a reason: look at its OLLAMA_ORIGINS, and at the host name in OLLAMA_HOST or OLLAMA_HOSTS'
  if (status === 401) return 'Ollama asks for credentials: look at OLLAMA_API_KEY, or OLLAMA_API_KEY_ and the name of the host'
  return `Ollama refused the request with status ${status} and did not say why`
}

function parseError(body: string): unknown {
  try {
    return (JSON.parse(body) as { error?: unknown } | null)?.error
  } catch {
    return undefined
  }
}

/**
 * Returns the seconds of a `Retry-After` header, from 1 to 3600, or undefined without the header.
 * Ollama never sends it, but a proxy in front of Ollama may (docs/faults.md#F15).
 */
function toRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000
  return Number.isNaN(seconds) ? 1 : Math.min(Math.max(Math.ceil(seconds), 1), 3600)
}
