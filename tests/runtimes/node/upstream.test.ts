import { viaHttp } from '../../../src/runtimes/node/connect.ts'
import { createOllama } from '../../../src/upstreams/ollama.ts'
import { upstreamContract } from '../../contracts/upstream.ts'

upstreamContract('Ollama over node:http', (host) =>
  createOllama({
    host,
    apiKey: undefined,
    maxLineBytes: 100_000,
    embedTimeoutMs: 5000,
    connect: viaHttp(),
  }),
)
