/** What the page's state uses of a browser's `window`; a test brings its own. */
export interface Host {
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  readonly location: { readonly hash: string; readonly pathname: string }
  readonly history: Pick<History, 'pushState' | 'replaceState'>
  readonly document: Pick<Document, 'visibilityState' | 'addEventListener'>
  /** Getters: they throw where a browser denies storage. */
  readonly sessionStorage: KeptText
  readonly localStorage: KeptText
  readonly performance: Pick<Performance, 'now'>
  addEventListener(type: 'popstate' | 'pagehide' | 'pageshow' | 'online', listener: () => void): void
  requestAnimationFrame(callback: () => void): number
  setTimeout(callback: () => void, ms: number): number
  clearTimeout(id: number | undefined): void
}

export type KeptText = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
