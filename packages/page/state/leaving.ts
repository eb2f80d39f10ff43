import type { Host } from './host.ts'

/**
 * Calls `saveAll` when the page is closed or hidden. Returns a function that tells whether the page
 * is being closed. The caller needs this because a reload first breaks the page's streams. Answers
 * that fail in this way are interrupted by the reload, not by an error.
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
