import type { Host } from './host.ts'

/**
 * The time between two paints of a hidden page. These paints use a timer, because a hidden page
 * gets no animation frames.
 */
const hiddenMs = 250

/**
 * Returns a function that requests a call of `paint`. In the next animation frame `paint` is called
 * once, however many requests there were.
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
    // A timer also runs, because the page may be hidden before the animation frame comes.
    timer = host.setTimeout(run, hiddenMs)
    host.requestAnimationFrame(run)
  }
}
