import { nowMs } from '../clock.ts'

/** 50 tokens a second. */
const INTERVAL_MS = 20

interface Paced {
  dueMs: number
  /** Called at each due time until it says that it has had enough. */
  send(): 'more' | 'enough'
}

/**
 * One timer that serves all paced streams, so that a hundred of them cost the machine as little as possible.
 * A stream's `phase` (0–1) places it within the interval: evenly spread streams never send together.
 */
export function createPacer(): { add(phase: number, send: Paced['send']): void } {
  const streams = new Set<Paced>()
  let timer: NodeJS.Timeout | undefined

  const tick = (): void => {
    const now = nowMs()
    for (const stream of streams) {
      // Late ones catch up token by token, so that the rate holds on a busy machine.
      while (stream.dueMs <= now && streams.has(stream)) {
        stream.dueMs += INTERVAL_MS
        if (stream.send() === 'enough') streams.delete(stream)
      }
    }
    if (streams.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }

  return {
    add(phase, send) {
      streams.add({ dueMs: nowMs() + INTERVAL_MS * (0.5 + phase), send })
      timer ??= setInterval(tick, 1)
    },
  }
}
