import { viaHttp } from '../../src/runtimes/node/connect.ts'
import { createOllama } from '../../src/upstreams/ollama.ts'

/** Ollama at a host, over connections that survive every fault: what decorators stand around. */
export function ollamaOverHttp(host: string) {
  return createOllama({ host, apiKey: undefined, maxLineBytes: 100_000, embedTimeoutMs: 5000, connect: viaHttp() })
}
