import type { Host } from '#page/state/host.ts'
import type { TextStorage } from '#page/storage/safe-storage.ts'

/** A window for Node. It has real time and real sockets, and everything else is in memory. */
export interface FakeHost extends Host {
  /** Every request that was sent, as `METHOD /path`. */
  readonly asked: string[]
  /** Changes the address like the Back button or the address bar. */
  goTo(hash: string): void
  /** A test can give the same stores to other windows, or to the same window after a reload. */
  readonly stores: Stores
  dispatch(event: 'popstate' | 'pagehide' | 'pageshow' | 'online' | 'visibilitychange'): void
  hide(): void
  show(): void
  /** The delays of the window's timers. */
  readonly waitsMs: number[]
  /** The number of painted frames. */
  readonly frames: number
}

export interface Stores {
  readonly tab: Map<string, string>
  readonly device: Map<string, string>
}

interface FakeHostOptions {
  /** The server's URL. A function allows a test to change the URL. */
  readonly url: string | (() => string)
  readonly hash?: string
  readonly stores?: Stores
  readonly deniesStorage?: boolean
  /** The window's timers run this many times faster. */
  readonly hurry?: number
  readonly fetch?: Host['fetch']
}

const frameMs = 16

export function createFakeHost({
  url,
  hash = '',
  stores = createStores(),
  deniesStorage = false,
  hurry = 1,
  fetch = globalThis.fetch,
}: FakeHostOptions): FakeHost {
  const events = new EventTarget()
  const asked: string[] = []
  const waitsMs: number[] = []
  let current = hash
  let visibilityState: DocumentVisibilityState = 'visible'
  let frames = 0
  const storage = (map: Map<string, string>) => {
    if (deniesStorage) throw new DOMException('Denied', 'SecurityError')
    return toStorage(map)
  }
  const write = (_state: unknown, _title: string, next?: string | URL | null) => {
    current = /#.*/.exec(String(next))?.[0] ?? ''
  }
  const dispatch = (event: string) => void events.dispatchEvent(new Event(event))
  return {
    asked,
    stores,
    dispatch,
    fetch: (path, init) => {
      asked.push(`${init?.method ?? 'GET'} ${String(path)}`)
      return fetch(`${typeof url === 'string' ? url : url()}${String(path)}`, init)
    },
    location: {
      pathname: '/',
      get hash() {
        return current
      },
    },
    history: { pushState: write, replaceState: write },
    document: {
      get visibilityState() {
        return visibilityState
      },
      addEventListener: (type: string, listener: unknown) => events.addEventListener(type, listener as EventListener),
    },
    get sessionStorage() {
      return storage(stores.tab)
    },
    get localStorage() {
      return storage(stores.device)
    },
    performance,
    addEventListener: (type, listener) => events.addEventListener(type, listener),
    requestAnimationFrame(callback) {
      if (visibilityState === 'visible') {
        setTimeout(() => {
          frames++
          callback()
        }, frameMs)
      }
      return 0
    },
    waitsMs,
    setTimeout(callback, ms) {
      waitsMs.push(ms)
      return setTimeout(callback, ms / hurry)[Symbol.toPrimitive]()
    },
    clearTimeout: (id) => clearTimeout(id),
    goTo(next) {
      current = next
      dispatch('popstate')
    },
    hide() {
      visibilityState = 'hidden'
      dispatch('visibilitychange')
    },
    show() {
      visibilityState = 'visible'
      dispatch('visibilitychange')
    },
    get frames() {
      return frames
    },
  }
}

export function createStores(): Stores {
  return { tab: new Map(), device: new Map() }
}

function toStorage(map: Map<string, string>): TextStorage {
  return {
    getItem: (name) => map.get(name) ?? null,
    setItem: (name, text) => void map.set(name, text),
    removeItem: (name) => void map.delete(name),
  }
}
