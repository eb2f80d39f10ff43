import type { Host } from './host.ts'

/**
 * Calls `saveAll` when the page goes away, or may go away. Returns a function that tells whether
 * the page is going. That matters because a reload ends the page's streams before it ends the
 * page.
 */
export function createLeaving(host: Host, saveAll: (isGoing: boolean) => void): () => boolean {
  let isLeaving = false
  host.addEventListener('pagehide', () => {
    saveAll(true)
    isLeaving = true
  })
  // The page came back from the browser's memory.
  host.addEventListener('pageshow', () => (isLeaving = false))
  // On a phone this is the last event that the page gets.
  host.document.addEventListener('visibilitychange', () => host.document.visibilityState === 'hidden' && saveAll(false))
  return () => isLeaving
}
