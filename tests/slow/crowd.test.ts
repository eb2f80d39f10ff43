import { expect, test } from 'vitest'
import { startPeer } from '../lab/peer.ts'
import { startServer } from '../runtimes/server.ts'
import type { ReaderCalls } from './crowd/readers.ts'
import type { UpstreamCalls } from './crowd/upstream.ts'

/**
 * A stream needs two sockets. A process with a limit of 20,000 descriptors cannot carry 10,000
 * streams (docs/hazards.md#28).
 */
const count = 9000

test.each(['node', 'bun'] as const)(`%s carries ${count} open streams`, async (runtime) => {
  const upstream = await startPeer<UpstreamCalls>(new URL('crowd/upstream.ts', import.meta.url))
  const readers = await startPeer<ReaderCalls>(new URL('crowd/readers.ts', import.meta.url))
  const { url, model } = await upstream.call('where')
  const env = { OLLAMA_HOST: url, SLUICE_MAX_STREAMS: `${count}`, SLUICE_LOG: 'silent' }
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
})
