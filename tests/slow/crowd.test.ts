import { expect, test } from 'vitest'
import { startPeer } from '../lab/peer.ts'
import { startServer } from '../runtimes/server.ts'
import type { ReaderCalls } from './crowd/readers.ts'
import type { UpstreamCalls } from './crowd/upstream.ts'

// A stream is two sockets of Sluice's, and where a process may have 20,000 of them, one carries no 10,000 (hazard 28).
test.each([
  { runtime: 'node', workers: '1', count: 9000, max: '9000' },
  { runtime: 'node', workers: '2', count: 10_000, max: '6000' },
  { runtime: 'bun', workers: '1', count: 9000, max: '9000' },
  { runtime: 'bun', workers: '2', count: 10_000, max: '6000' },
] as const)(
  '$runtime carries $count open streams with $workers of SLUICE_WORKERS',
  async ({ runtime, workers, count, max }) => {
    const upstream = await startPeer<UpstreamCalls>(new URL('crowd/upstream.ts', import.meta.url))
    const readers = await startPeer<ReaderCalls>(new URL('crowd/readers.ts', import.meta.url))
    const { url, model } = await upstream.call('where')
    const env = { OLLAMA_HOST: url, SLUICE_WORKERS: workers, SLUICE_MAX_STREAMS: max, SLUICE_LOG: 'silent' }
    const server = await startServer(runtime, env)
    try {
      await readers.call('open', server.url, model, count)
      await upstream.call('end')
      expect(await readers.call('ends')).toEqual({ 'done after token': count })
    } finally {
      await server.stop()
      readers.stop()
      upstream.stop()
    }
  },
)
