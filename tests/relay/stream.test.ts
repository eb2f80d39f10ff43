import { describe, expect, test, vi } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { createStream } from '../../src/relay/stream.ts'

function start() {
  const request = new AbortController()
  return { request, stream: createStream({ requestId: 'id', principal: 'me', signal: request.signal }) }
}

describe('a stream', () => {
  test('aborts with a reason of its own when its request’s signal aborts', () => {
    const { request, stream } = start()
    request.abort('a text, as some runtimes give it')
    expect(stream.signal.reason).toMatchObject({ name: 'AbortError', message: 'The reader left' })
  })

  test('is aborted from the start if its reader disconnected before', () => {
    const { signal } = createStream({ requestId: 'id', principal: '', signal: AbortSignal.abort() })
    expect(signal.aborted).toBe(true)
  })

  test('keeps the first reason', () => {
    const { request, stream } = start()
    stream.stop(new ServiceError('shutting_down', 'bye'))
    stream.leave()
    request.abort()
    expect(stream.signal.reason).toMatchObject({ code: 'shutting_down' })
  })

  test('fails in a later microtask, and never in its caller (hazard 74)', async () => {
    const { stream } = start()
    stream.fail(new ServiceError('cancelled', 'Stopped'))
    expect(stream.signal.aborted).toBe(false)
    await Promise.resolve()
    expect(stream.signal.reason).toMatchObject({ code: 'cancelled' })
  })

  test('reports how it ended, and keeps no listener on its request (hazard 37)', async () => {
    const request = new AbortController()
    const add = vi.spyOn(request.signal, 'addEventListener')
    const remove = vi.spyOn(request.signal, 'removeEventListener')
    const stream = createStream({ requestId: 'id', principal: '', signal: request.signal })
    const outcome = {
      ended: { how: 'done' },
      tally: { firstDeltaAt: 1, deltas: 2, done: undefined },
      startedAt: 0,
      bytes: 3,
    } as const
    stream.end(outcome)
    expect(await stream.ended).toBe(outcome)
    expect(remove.mock.calls).toEqual(add.mock.calls)
  })
})
