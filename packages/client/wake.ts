/**
 * Calls `listener` when the device is online again, and when the page is visible again. Where there
 * is no page or no network state, as on a server, it is not called.
 */
export function onWake(signal: AbortSignal, listener: (isOnline: boolean) => void): void {
  // Some runtimes have neither of these two.
  const { addEventListener, document } = globalThis as Partial<typeof globalThis>
  addEventListener?.('online', () => listener(true), { signal })
  document?.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && listener(false), { signal })
}
