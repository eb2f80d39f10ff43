import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withinLimit } from '../../src/upstreams/time-limit.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Work that ends only when its signal aborts. */
const endless = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

describe('work within a limit', () => {
  test('returns its result, and leaves no timer and no listener behind, and its signal aborted', async () => {
    const { signal } = new AbortController()
    const listeners = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    let own: AbortSignal | undefined
    const work = async (signal: AbortSignal) => {
      own = signal
      expect(signal.aborted).toBe(false)
      return 'done'
    }
    expect(await withinLimit(1000, signal, work)).toBe('done')
    expect(own!.aborted).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(listeners.mock.calls.map(([, listener]) => listener))
  })

  test('is first_token_timeout at the limit, and not before', async () => {
    const { signal } = new AbortController()
    const ended = vi.fn()
    const work = withinLimit(1500, signal, endless).catch(ended)
    await vi.advanceTimersByTimeAsync(1499)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await work
    const late = { code: 'first_token_timeout', status: 504, message: 'Ollama did not answer within 1.5 s' }
    expect(ended.mock.calls).toMatchObject([[late]])
  })

  test('rejects with the caller’s own reason', async () => {
    const controller = new AbortController()
    const work = expect(withinLimit(1000, controller.signal, endless)).rejects.toThrow('left')
    controller.abort(new Error('left'))
    await work
    expect(vi.getTimerCount()).toBe(0)
  })

  test('has no timer if the limit is 0', async () => {
    const { signal } = new AbortController()
    void withinLimit(0, signal, endless)
    expect(vi.getTimerCount()).toBe(0)
  })
})
