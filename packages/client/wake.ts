/**
 * Calls `listener` when the device is online again, and when the page is visible again. Where there
 * is no network state or no page, it is not called.
 */
export function onWake(signal: AbortSignal, listener: (isOnline: boolean) => void): void {
  const { document } = globalThis as { document?: Document }
  globalThis.addEventListener?.('online', () => listener(true), { signal })
  document?.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && listener(false), { signal })
}
