import type { Storages } from '../storage/safe-storage.ts'

/** The parts of a browser's `window` that the page's state uses. A test passes its own object. */
export interface Host extends Storages {
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  readonly location: { readonly hash: string; readonly pathname: string }
  readonly history: Pick<History, 'pushState' | 'replaceState'>
  readonly document: Pick<Document, 'visibilityState' | 'addEventListener'>
  readonly performance: Pick<Performance, 'now'>
  addEventListener(type: 'popstate' | 'pagehide' | 'pageshow' | 'online', listener: () => void): void
  requestAnimationFrame(callback: () => void): number
  setTimeout(callback: () => void, ms: number): number
  clearTimeout(id: number | undefined): void
}
