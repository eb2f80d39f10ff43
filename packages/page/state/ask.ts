import { isRecord } from '../chats/fields.ts'
import type { Host } from './host.ts'
import { toAuthorization } from './key.ts'
import type { Key } from './key.ts'
import type { ServerState } from './page-state.ts'

/** The server's answer to a short request. */
export interface Answer {
  /** The HTTP status, or 408 after 30 s without an answer. `undefined` if the connection failed. */
  readonly status: number | undefined
  /** Whether the status is 2xx and the body is a JSON object. */
  readonly isGood: boolean
  /** The body, or an empty object if the body is not a JSON object. */
  readonly value: Readonly<Record<string, unknown>>
  /**
   * The name of the model that answers requests without a model name. The server sends this name
   * together with the list of models.
   */
  readonly defaultModel?: string | undefined
}

export interface Ask {
  /**
   * Sends a GET request, or a POST request if there is a `body`. The request is sent with `key`, or
   * with the page's stored key if `key` is absent. Never rejects.
   */
  (path: string, options?: { readonly body?: object; readonly key?: string }): Promise<Answer>
}

const limitMs = 30_000

/** `base` is in front of each path. */
export function createAsk(host: Host, key: Key, base = ''): Ask {
  return async (path, { body, key: other } = {}) => {
    const sent: Record<string, string> = {
      accept: 'application/json',
      prefer: 'default-model',
      ...toAuthorization(other ?? key.current()),
    }
    if (body) sent['content-type'] = 'application/json'
    const init: RequestInit = {
      headers: sent,
      signal: AbortSignal.timeout(limitMs),
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    }
    try {
      const response = await host.fetch(base + path, init)
      const { ok, status, headers } = response
      const value: unknown = await response.json().catch(() => undefined)
      const name = headers.get('x-sluice-default-model')
      const defaultModel = name === null ? undefined : decodeURI(name)
      return { status, isGood: ok && isRecord(value), value: isRecord(value) ? value : {}, defaultModel }
    } catch {
      return { status: init.signal!.aborted ? 408 : undefined, isGood: false, value: {} }
    }
  }
}

/**
 * Returns the state of the server, as concluded from a bad answer. `wasKeySent` is whether the
 * request had a key.
 */
export function toServerState({ status, value: { code, error } }: Answer, wasKeySent: boolean): ServerState {
  if (status === 401) return { kind: 'locked', isWrong: wasKeySent }
  const service = typeof code === 'string' && code.startsWith('upstream_') ? 'ollama' : 'sluice'
  return { kind: 'unreachable', service, text: typeof error === 'string' ? error : '' }
}
