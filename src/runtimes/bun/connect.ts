import process from 'node:process'
import type { Config } from '../../config/parse-config.ts'
import { viaFetch, type Connect } from '../../upstreams/connect.ts'
import { viaSockets } from '../../upstreams/sockets/via-sockets.ts'
import { createTurns } from '../turns.ts'
import { dialOnBun } from './dial.ts'

/**
 * Whether requests to this URL go over sockets. `fetch` is for TLS, and for a process whose
 * environment names a proxy for plain HTTP, because `fetch` uses that proxy.
 */
export function usesSockets(url: string): boolean {
  return url.startsWith('http:') && !process.env.HTTP_PROXY && !process.env.http_proxy
}

/** Connects over sockets where that is possible, and by `fetch` otherwise. */
export function connectOnBun({ connectTimeoutMs }: Config['upstream']): Connect {
  const sockets = viaSockets({ dial: dialOnBun, connectTimeoutMs, defer: createTurns() })
  // Without `timeout: false` Bun would cut after six minutes (docs/hazards.md#15).
  const fetching = viaFetch((url, init) => fetch(url, { ...init, timeout: false } as RequestInit))
  return (request, signal) => (usesSockets(request.url) ? sockets : fetching)(request, signal)
}
