import { ServiceError } from '../errors.ts'
import { within } from '../within.ts'
import type { Connect, UpstreamRequest, UpstreamResponse } from './connect.ts'
import { readAll } from './read-all.ts'
import type { Digest } from './upstream.ts'
import { toUpstreamError } from './upstream-error.ts'

export interface ExchangeOptions {
  /** The base URL of the upstream, without a trailing slash. */
  host: string
  apiKey: string | undefined
  connect: Connect
}

/**
 * Every path that Sluice requests from the upstream. Only the digest of a blob comes from a reader,
 * because any other text could lead to another path (docs/hazards.md#8).
 */
export type UpstreamPath =
  | `/api/${'generate' | 'chat' | 'embed' | 'embeddings' | 'show' | 'tags' | 'ps' | 'version'}`
  | `/api/${'pull' | 'push' | 'create' | 'copy' | 'delete'}`
  | `/api/blobs/${Digest}`
  | '/v1/systemone'

export interface ExchangeRequest {
  readonly path: UpstreamPath
  /** Default: POST if there is a body, else GET. */
  readonly method?: UpstreamRequest['method']
  /** A stream is sent unchanged. Any other value is sent as JSON. */
  readonly body?: unknown
  /**
   * Whether a successful response has no body, as for copy, delete and blobs. Such a response may
   * lack a content type.
   */
  readonly isEmpty?: boolean
  readonly trace: Readonly<Record<string, string>> | undefined
}

/**
 * Sends one request to Ollama. Resolves with the head of a successful response.
 * @throws ServiceError if Ollama cannot be reached, rejects the request, or answers with a body
 * that is not JSON; the signal's reason once it aborts
 */
export type Exchange = (request: ExchangeRequest, signal: AbortSignal) => Promise<UpstreamResponse>

export function createExchange({ host, apiKey, connect }: ExchangeOptions): Exchange {
  // Apart from `trace`, no headers of the reader are forwarded, because Ollama checks `Origin` and
  // `Host` even if a server sends the request (docs/hazards.md#17).
  const constant = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'sluice',
    ...(apiKey && { authorization: `Bearer ${apiKey}` }),
  }

  return async ({ path, method, body, isEmpty = false, trace }, signal) => {
    const url = host + path
    const response = await connect(
      body === undefined
        ? { method: method ?? 'GET', url, headers: { ...constant, ...trace } }
        : { method: method ?? 'POST', url, ...toContent(body, { ...constant, ...trace }) },
      signal,
    )
    const { status, headers } = response
    if (status < 200 || status > 299) {
      const reason = await readReason(response)
      signal.throwIfAborted()
      throw toUpstreamError(status, headers, reason)
    }
    if (!isEmpty || headers.has('content-type')) assertReadable(headers)
    return response
  }
}

function toContent(body: unknown, headers: Readonly<Record<string, string>>): Pick<UpstreamRequest, 'headers' | 'body'> {
  if (body instanceof ReadableStream) return { headers: { ...headers, 'content-type': 'application/octet-stream' }, body }
  return { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/**
 * Returns the body of a failed response. If the body is longer than 64 KiB or takes longer than a
 * second, returns an empty text, because the status alone is enough for an error.
 */
function readReason({ flow }: UpstreamResponse): Promise<string> {
  const reason = readAll(flow, 65_536).catch(() => '')
  return within(1000, reason, () => '')
}

function assertReadable(headers: Headers) {
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-ndjson' && type !== 'application/json') {
    throw new ServiceError(
      'upstream_protocol',
      `Cannot read the answer of Ollama: its content type is ${type ? 'not JSON' : 'missing'}; does OLLAMA_HOST or OLLAMA_HOSTS lead to Ollama?`,
    )
  }
  const encoding = headers.get('content-encoding')?.trim().toLowerCase()
  if (encoding && encoding !== 'identity') {
    throw new ServiceError(
      'upstream_protocol',
      'Cannot read the answer of Ollama: it is compressed, although Sluice asked for identity; does a proxy do that?',
    )
  }
}
