import process from 'node:process'
import type { Config } from '../../config/parse-config.ts'
import type { Connect } from '../../upstreams/connect.ts'
import { viaSockets } from '../../upstreams/sockets/via-sockets.ts'
import { createTurns } from '../turns.ts'
import { dialOnNode } from './dial.ts'
import { viaHttp } from './via-http.ts'

/**
 * Requests over plain HTTP use sockets directly. TLS, and all requests of a process that uses the
 * proxies of its environment, go through `node:http`.
 */
export function connectOnNode({ connectTimeoutMs }: Config['upstream']): Connect {
  const options = [process.env.NODE_OPTIONS, ...process.execArgv].join(' ')
  const usesProxies = process.env.NODE_USE_ENV_PROXY === '1' || options.includes('--use-env-proxy')
  const http = viaHttp({ connectTimeoutMs, ...(usesProxies && { proxyEnv: process.env }) })
  if (usesProxies) return http
  const sockets = viaSockets({ dial: dialOnNode, connectTimeoutMs, defer: createTurns() })
  return (request, signal) => (request.url.startsWith('https:') ? http : sockets)(request, signal)
}
