import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { within } from '../src/within.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const endless = new Promise<string>(() => {})

test('work in time gives its result or its error, and leaves no timer behind', async () => {
  expect(await within(1000, Promise.resolve('done'), () => 'late')).toBe('done')
  await expect(within(1000, Promise.reject(new Error('broken')), () => 'late')).rejects.toThrow('broken')
  expect(vi.getTimerCount()).toBe(0)
})

test('work that takes longer gives the result of onLate, and not before', async () => {
  const onLate = vi.fn(() => 'late')
  const result = within(1000, endless, onLate)
  await vi.advanceTimersByTimeAsync(999)
  expect(onLate).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(await result).toBe('late')
})

test('onLate may throw', async () => {
  const result = within(1000, endless, () => {
    throw new Error('too late')
  })
  const seen = expect(result).rejects.toThrow('too late')
  await vi.advanceTimersByTimeAsync(1000)
  await seen
})

test('an error of the work after the limit is ignored', async () => {
  const work = Promise.withResolvers<string>()
  const result = within(10, work.promise, () => 'late')
  await vi.advanceTimersByTimeAsync(10)
  expect(await result).toBe('late')
  work.reject(new Error('broken'))
  await vi.advanceTimersByTimeAsync(0)
})
