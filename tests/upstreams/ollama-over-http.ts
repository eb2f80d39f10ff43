import { viaHttp } from '../../src/runtimes/node/connect.ts'
import { createOllama } from '../../src/upstreams/ollama.ts'

/** Creates Ollama at a host, for tests of decorators. Its connections survive every fault. */
export function ollamaOverHttp(host: string) {
  return createOllama({ host, apiKey: undefined, maxLineBytes: 100_000, embedTimeoutMs: 5000, connect: viaHttp() })
}
