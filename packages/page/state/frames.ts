import type { Host } from './host.ts'

/** A hidden page has no frames; then this often is enough. */
const hiddenMs = 250

/** Gives a function after which `paint` runs once, at the next frame, however often it is called before that. */
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
    // Both: the page may be hidden between the asking and the frame.
    timer = host.setTimeout(run, hiddenMs)
    host.requestAnimationFrame(run)
  }
}
