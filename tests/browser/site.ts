import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A web server of somebody else's, with one page at every path. */
export interface Site {
  readonly port: number
  close(): void
}

/** `toHtml` gives the page when it is asked for. */
export async function startSite(toHtml: () => string): Promise<Site> {
  const server = http.createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(toHtml())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}
