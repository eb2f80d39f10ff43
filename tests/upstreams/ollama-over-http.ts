import { viaHttp } from '../../src/runtimes/node/via-http.ts'
import { createOllama } from '../../src/upstreams/ollama.ts'

/**
 * Creates an Ollama upstream for tests of decorators. It uses `viaHttp`, because Node's fetch
 * cannot read all faulty answers of the tests.
 */
export function ollamaOverHttp(host: string) {
  return createOllama({ host, apiKey: undefined, maxLineBytes: 100_000, embedTimeoutMs: 5000, connect: viaHttp() })
}
