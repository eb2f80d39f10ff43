import { createAdaptorServer, type Http2Bindings, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { once } from 'node:events'
import { ServerResponse, type Server } from 'node:http'
import { Http2ServerRequest } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createApp, type AppOptions } from '../../app.ts'
import { openWithStreamSSE, type Open } from '../../relay/sink.ts'
import { toAppOptions, toEmbedded, type Sluice, type SluiceOptions } from '../../sluice.ts'
import type { Connect } from '../../upstreams/connect.ts'
import { checkServer } from '../check-server.ts'
import type { Listener } from '../run.ts'
import { sha256OfNode } from '../sha256.ts'
import { connectOnNode } from './connect.ts'
import { openOnNode, withHeads } from './open.ts'
import { codingsOfNode } from './codings.ts'

export type { Sluice, SluiceOptions } from '../../sluice.ts'

const parts = {
  address: (c: Context) => (c.env as Partial<HttpBindings>).incoming?.socket.remoteAddress ?? '',
  findCodings: codingsOfNode,
  sha256: sha256OfNode,
}

/**
 * Without the response of Node, or over HTTP/2, the portable `openWithStreamSSE` is used.
 * `openOnNode` writes HTTP/1.1 to the socket.
 */
const openIfOnNode: Open = Object.assign((...args: Parameters<Open>) => toOpen(args[0])(...args), {
  canCut: (c: Context) => toOpen(c).canCut(c),
})

function toOpen(c: Context): Open {
  return (c.env as Partial<HttpBindings>).outgoing instanceof ServerResponse ? openOnNode : openWithStreamSSE
}

/**
 * Creates Sluice for another app on Node. If `fetch` gets what `@hono/node-server` passes beside a
 * request, Sluice writes its streams directly to the socket, past the middleware of that app.
 * @throws ConfigError if `env` or `base` has mistakes
 */
export function createSluice(options: SluiceOptions): Sluice {
  const appOptions = toAppOptions(toEmbedded(options))
  const connect = connectOnNode(appOptions.config.upstream)
  const app = createApp({ ...appOptions, ...parts, connect, open: openIfOnNode })
  const fetch = withHeads(app.fetch)
  return {
    drain: app.drain,
    async fetch(request, platform) {
      const bindings = (platform ?? {}) as Partial<HttpBindings | Http2Bindings>
      const response = await fetch(withHost(request, bindings), bindings)
      // The middleware of the other app may add headers, and there is only one such response.
      return response === RESPONSE_ALREADY_SENT ? response.clone() : response
    },
  }
}

/** Over HTTP/2 a request has `:authority` in place of `Host` (RFC 9113 §8.3.1). */
function withHost(request: Request, { incoming }: Partial<HttpBindings | Http2Bindings>): Request {
  if (!(incoming instanceof Http2ServerRequest) || request.headers.has('host')) return request
  const headers = new Headers(request.headers)
  headers.set('host', incoming.authority)
  return new Request(request, { headers })
}

/**
 * Starts Sluice as a server at `HOST` and `PORT` of `env`.
 * @throws ConfigError if `env` or `base` has mistakes, or the error of Node if it cannot listen
 */
export async function serve(options: SluiceOptions): Promise<Listener> {
  const appOptions = toAppOptions(options)
  await checkServer(appOptions.config, { hasPrincipals: options.principal !== undefined })
  return listen(appOptions)
}

/** Starts a server of an app with the parts of Node. Deno connects in another way. */
export async function listen(
  options: Omit<AppOptions, 'open' | 'connect'>,
  connect: Connect = connectOnNode(options.config.upstream),
): Promise<Listener> {
  const { server, access } = options.config
  const { host, port, reusePort } = server
  const app = createApp({ ...parts, ...options, connect, open: openOnNode, bound: host })
  const listener = createAdaptorServer({
    fetch: withHeads(app.fetch),
    hostname: host,
    serverOptions: {
      // These limits apply to heads and bodies that arrive slowly (docs/hazards.md#22 and
      // docs/hazards.md#41), and never to a response. If management is on, a body has no time
      // limit, because a blob of gigabytes takes long to upload.
      headersTimeout: 10_000,
      requestTimeout: access.management ? 0 : 30_000,
      connectionsCheckingInterval: 1000,
    },
  }) as Server
  listener.listen({ host, port, reusePort })
  await once(listener, 'listening')
  const listening = listener.address() as AddressInfo
  return {
    app,
    connect,
    hostname: listening.address,
    port: listening.port,
    async close() {
      listener.close()
      listener.closeIdleConnections()
    },
  }
}
