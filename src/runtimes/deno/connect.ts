import type { Config } from '../../config/parse-config.ts'
import { viaFetch, type Connect } from '../../upstreams/connect.ts'
import { viaSockets } from '../../upstreams/sockets/via-sockets.ts'
import { dialOnNode } from '../node/dial.ts'
import { createTurns } from '../turns.ts'

/**
 * Connects to plain HTTP over sockets, and to TLS by `fetch`. Deno's `fetch` has no time limit of
 * its own, and runs any number of requests at once. But its errors have no codes, and it adds a
 * header (docs/hazards.md#120).
 */
export function connectOnDeno({ connectTimeoutMs }: Config['upstream']): Connect {
  const sockets = viaSockets({ dial: dialOnNode, connectTimeoutMs, defer: createTurns() })
  const fetching = viaFetch((url, init) => fetch(url, init))
  return (request, signal) => (request.url.startsWith('http:') ? sockets : fetching)(request, signal)
}
