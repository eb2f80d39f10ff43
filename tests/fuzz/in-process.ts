import { createApp, type App } from '../../src/app.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { openWithStreamSSE } from '../../src/relay/sink.ts'
import type { UpstreamRequest } from '../../src/upstreams/connect.ts'
import { loadRecording, toBytes } from '#fake-ollama/recording.ts'
import type { WholeAnswer } from '../surfaces.ts'

/**
 * Creates Sluice without a socket. A function replaces Ollama and returns the body of each 200
 * answer.
 */
export function createInProcess(toAnswer: (path: string, request: UpstreamRequest) => readonly Uint8Array[]): App {
  return createApp({
    config: parseConfig({}),
    open: openWithStreamSSE,
    async connect(request, signal) {
      const path = new URL(request.url).pathname
      const pieces = toAnswer(path, request)
      return {
        status: 200,
        headers: new Headers({ 'content-type': /generate|chat/.test(path) ? 'application/x-ndjson' : 'application/json' }),
        async flow(take) {
          for (const piece of pieces) {
            signal.throwIfAborted()
            await take(piece)
          }
        },
      }
    },
  })
}

/** Posts a request and reads the whole answer. */
export async function post(
  app: App,
  path: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<WholeAnswer & { headers: Headers }> {
  const request = new Request(`http://127.0.0.1${path}`, {
    method: 'POST',
    headers: { host: '127.0.0.1', 'content-type': 'application/json', ...headers },
    body: body as BodyInit,
  })
  const response = await app.fetch(request)
  const { status, headers: answered } = response
  return { status, headers: answered, contentType: answered.get('content-type'), text: await response.text() }
}

const answers: Readonly<Record<string, string>> = {
  '/api/embed': 'embed',
  '/api/show': 'show',
  '/api/tags': 'tags',
  '/api/ps': 'ps',
  '/api/version': 'version',
}

/**
 * Returns a real Ollama's answer to a small question.
 * @throws Error for a path that Ollama does not have
 */
export function toSmallAnswer(path: string): Uint8Array {
  if (path === '/api/embeddings') return Buffer.from('{"embedding":[0.5]}')
  if (path === '/v1/systemone') return Buffer.from('{"answers":{"polite":{"type":"noul","noul":0.5}}}')
  const name = answers[path]
  if (!name) throw new Error(`Asked for ${path}`)
  return toBytes(loadRecording(name))
}
