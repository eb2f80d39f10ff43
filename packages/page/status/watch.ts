import { signal } from '@preact/signals'
import { createKey, toAuthorization } from '../state/key.ts'
import { createSafeStorage } from '../storage/safe-storage.ts'
import type { Data, Stream } from './data.ts'

/**
 * Why the server shows nothing. `wrong`: it does not know the key. `noRight`: the key is no
 * operator's.
 */
export type Refusal = 'wrong' | 'noRight' | 'missing'

/** What the server said last. */
export const data = signal<Data | undefined>(undefined)

/** Set while the server refuses to say anything. */
export const refusal = signal<Refusal | undefined>(undefined)

/**
 * When the last answer came, if the newest request has failed. It is a time of `performance.now()`.
 */
export const lostSince = signal<number | undefined>(undefined)

const pollMs = 2000
/** After this time a request counts as failed. */
const limitMs = 10_000

const storages = [createSafeStorage(window, 'sessionStorage'), createSafeStorage(window, 'localStorage')] as const
/**
 * The operator's key has a place of its own, so that it does not replace the key of the chat page.
 */
const key = createKey(...storages, 'sluice.operator-key')
const keyOfChat = createKey(...storages)
const toKey = () => key.current() ?? keyOfChat.current()
export const hasKey = key.isSet

let path = ''
let timer: ReturnType<typeof setTimeout> | undefined
let seenAt = performance.now()
/** The number of the newest request. The answer of an older one is dropped. */
let newest = 0

/**
 * Asks for the data every two seconds while the page is visible. `root` is the path of the data's
 * folder.
 */
export function watch(root: string): void {
  path = root
  document.addEventListener('visibilitychange', () => void poll())
  void poll()
}

/** Asks for the data now. */
async function poll(): Promise<void> {
  clearTimeout(timer)
  if (document.hidden) return
  const number = ++newest
  let waitMs = pollMs
  try {
    const response = await send('GET', 'data')
    if (number !== newest) return
    if (response.status === 401 || response.status === 404) {
      await response.body?.cancel()
      data.value = undefined
      lostSince.value = undefined
      refusal.value = toKey() === undefined ? 'missing' : response.status === 401 ? 'wrong' : 'noRight'
      return // until there is another key
    }
    if (!response.ok) {
      waitMs = Math.max(pollMs, Number(response.headers.get('retry-after')) * 1000)
      throw new Error(`The server says ${response.status}`)
    }
    const news = (await response.json()) as Data
    if (number !== newest) return
    seenAt = performance.now()
    data.value = news
    refusal.value = undefined
    lostSince.value = undefined
  } catch {
    if (number !== newest) return
    lostSince.value = seenAt
  }
  timer = setTimeout(() => void poll(), waitMs)
}

export function setKey(text: string, isOnDevice: boolean): Promise<void> {
  key.set(text, isOnDevice)
  return poll()
}

export function forgetKey(): void {
  key.forget()
  void poll()
}

/** Stops a stream. Returns whether it was still there. @throws Error if the server did not do it */
export async function stop({ request_id: id, key }: Stream): Promise<boolean> {
  const query = new URLSearchParams({ request_id: id, ...(key !== undefined && { key }) })
  const { status } = await send('DELETE', `streams?${query}`)
  if (status !== 204 && status !== 404) throw new Error(`The server says ${status}`)
  void poll()
  return status === 204
}

function send(method: string, name: string): Promise<Response> {
  const signal = AbortSignal.timeout(limitMs)
  return fetch(path + name, { method, headers: toAuthorization(toKey()), signal, cache: 'no-store' })
}
