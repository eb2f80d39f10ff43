import type { Host } from './host.ts'

/** Calls `keepAll` when the page goes away, or may do so; gives whether it does, for a reload ends its streams before it ends. */
export function createLeaving(host: Host, keepAll: (isGoing: boolean) => void): () => boolean {
  let isLeaving = false
  host.addEventListener('pagehide', () => {
    keepAll(true)
    isLeaving = true
  })
  // It came back out of the browser's memory.
  host.addEventListener('pageshow', () => (isLeaving = false))
  // On a phone this is the last that is heard.
  host.document.addEventListener('visibilitychange', () => host.document.visibilityState === 'hidden' && keepAll(false))
  return () => isLeaving
}
