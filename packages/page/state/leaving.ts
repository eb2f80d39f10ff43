import type { Host } from './host.ts'

/**
 * Calls `saveAll` when the page is closed or hidden. Returns a function that tells whether the page
 * is being closed or reloaded. The browser then breaks the page's streams. The caller must mark the
 * answers of these streams as interrupted, not as failed.
 */
export function createLeaving(host: Host, saveAll: (isGoing: boolean) => void): () => boolean {
  let isLeaving = false
  host.addEventListener('pagehide', () => {
    saveAll(true)
    isLeaving = true
  })
  // The browser has restored the page from its back/forward cache.
  host.addEventListener('pageshow', () => (isLeaving = false))
  // On a phone, this is the last event that the page receives.
  host.document.addEventListener('visibilitychange', () => host.document.visibilityState === 'hidden' && saveAll(false))
  return () => isLeaving
}
