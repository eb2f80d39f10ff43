import type { Host } from './host.ts'

/** A hidden page has no frames, so it is painted this often instead. */
const hiddenMs = 250

/**
 * Returns a function that requests `paint`. At the next frame `paint` runs once, however often it
 * was requested.
 */
export function createFrames(host: Host, paint: () => void): () => void {
  let timer: number | undefined
  const run = () => {
    if (timer === undefined) return
    host.clearTimeout(timer)
    timer = undefined
    paint()
  }
  return () => {
    if (timer !== undefined) return
    // The timer is needed beside the frame, because the page may be hidden before the frame comes.
    timer = host.setTimeout(run, hiddenMs)
    host.requestAnimationFrame(run)
  }
}
