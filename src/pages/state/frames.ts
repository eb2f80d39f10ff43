import type { Host } from './host.ts'

/** A hidden page has no frames; then this often is enough. */
const hiddenMs = 250

/** Runs `paint` once at the next frame, however often it is asked before that. */
export interface Frames {
  request(): void
  /** Now, if it was asked for. */
  flush(): void
}

export function createFrames(host: Host, paint: () => void): Frames {
  let timer: number | undefined
  const run = () => {
    if (timer === undefined) return
    host.clearTimeout(timer)
    timer = undefined
    paint()
  }
  return {
    request() {
      if (timer !== undefined) return
      // Both: the page may be hidden between the asking and the frame.
      timer = host.setTimeout(run, hiddenMs)
      host.requestAnimationFrame(run)
    },
    flush: run,
  }
}
