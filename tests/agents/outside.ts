import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect } from 'vitest'

/** A proxy that refuses every request, to cut off a program from the network. */
export interface Outside {
  /** Environment variables that make a program send requests to other machines via the proxy. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Cuts off the programs of a `describe` from the network: every call to another machine is refused.
 * The `describe` fails at its end if a program has tried a call that is not in `tries`.
 */
export function useOutside(tries: readonly string[] = []): Outside {
  const asked: string[] = []
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    response.writeHead(403).end()
  })
  server.on('connect', ({ url }, socket) => {
    asked.push(`CONNECT ${url}`)
    // The program may have disconnected.
    socket.on('error', () => {})
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  const env: Record<string, string> = { NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' }
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) env[name] = env[name.toLowerCase()] = url
  })
  afterAll(() => {
    server.close()
    const others = asked.filter((request) => !tries.includes(request))
    expect(others, 'what the programs asked of other machines').toEqual([])
  })
  return { env }
}
