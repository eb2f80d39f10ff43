import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../../config/parse-config.ts'
import { toListenProblem, toUrl } from '../host-process.ts'
import { well, wrong, type Finding } from './finding.ts'

/** How long a server on the port may take to say that it is Sluice, in milliseconds. */
const limitMs = 1000

/** Looks whether Sluice can listen on its port, or does so already. */
export async function checkPort(config: Config): Promise<readonly Finding[]> {
  const { host, port, reusePort, base } = config.server
  if (port === 0) return [well('port', `any free one of ${host}`)]
  const server = createServer()
  try {
    server.listen({ host, port, reusePort })
    await once(server, 'listening')
    server.close()
    return [well('port', `${port} of ${host} is free`)]
  } catch (error) {
    if (await isSluice(toUrl({ hostname: host, port, base })))
      return [well('port', `Sluice listens on ${port} of ${host} already`)]
    return [wrong('port', toListenProblem(error, config))]
  }
}

async function isSluice(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { accept: 'text/plain' }, signal: AbortSignal.timeout(limitMs) })
    return (await response.text()) === 'Sluice is running'
  } catch {
    return false
  }
}
