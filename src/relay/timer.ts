export interface Timer {
  /**
   * Calls `fire` at about `due`, or earlier if an earlier time was scheduled before. So `fire` must
   * check what is due, and call `schedule` again. Infinity means that nothing is due.
   */
  schedule(due: number): void
  stop(): void
}

/**
 * A due time is rounded up to a multiple of this step, so that many timers fire together
 * (docs/hazards.md#30). The step is finer for a short wait, such as the grace or the heartbeat on
 * workerd. A step of 400 ms costs a quarter less CPU than 100 ms while streams are idle.
 */
function toGridMs(waitMs: number): number {
  if (waitMs < 2000) return 25
  return waitMs < 10_000 ? 100 : 400
}

/** The longest time that `setTimeout` accepts, in milliseconds. */
const maxMs = 2_147_483_647

/**
 * Creates the timer of a stream. `schedule` sets a new timeout only if none is set, or if the new
 * time is earlier. A later time changes nothing, so a token that only postpones a deadline needs no
 * new timeout. `fire` must call `schedule` to set the next timeout.
 */
export function createTimer(now: () => number, fire: () => void): Timer {
  let handle: ReturnType<typeof setTimeout> | undefined
  let armedFor = Infinity

  return {
    schedule(due) {
      if (due >= armedFor) return
      clearTimeout(handle)
      armedFor = due
      const gridMs = toGridMs(due - now())
      const waitMs = Math.ceil(due / gridMs) * gridMs - now()
      handle = setTimeout(
        () => {
          armedFor = Infinity
          fire()
        },
        Math.min(Math.max(waitMs, 0), maxMs),
      )
    },
    stop() {
      clearTimeout(handle)
      armedFor = -Infinity
    },
  }
}
