import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** The web server of another site, with the same page at every path. */
export interface Site {
  readonly port: number
  close(): void
}

/** Starts a site. `toHtml` makes the page at each request. */
export async function startSite(toHtml: () => string): Promise<Site> {
  const server = http.createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(toHtml())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}
