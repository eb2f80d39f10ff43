import type { Host } from './host.ts'

/** How often a hidden page is painted. It has no frames. */
const hiddenMs = 250

/**
 * Returns a function that requests a call of `paint`. In the next frame `paint` is called once,
 * however many requests there were.
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
    // A timer runs in addition to the frame, because the page may be hidden before the frame comes.
    timer = host.setTimeout(run, hiddenMs)
    host.requestAnimationFrame(run)
  }
}
