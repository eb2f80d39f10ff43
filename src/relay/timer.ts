export interface Timer {
  /**
   * Calls `fire` at `due`. Infinity means that nothing is due. `fire` may be called earlier, and
   * then has to call `schedule` again.
   */
  schedule(due: number): void
  stop(): void
}

/**
 * All timers of a process wake up together on a grid. 5,000 idle streams cost 5.5 ms of CPU a
 * second with the grid, and 77 ms without it (docs/hazards.md#30). Waits of less than two seconds
 * have a finer grid. They are the grace, and the heartbeat on workerd. This heartbeat must be
 * early, because only it shows that a reader has left.
 */
const toGridMs = (waitMs: number) => (waitMs < 2000 ? 25 : 100)

/** The longest time that `setTimeout` takes. */
const maxMs = 2_147_483_647

/**
 * The one timer of a stream. It is armed again only after it fired, or when something is due
 * earlier. A due time that moves away does not arm the timer, so a token costs no timer. Call
 * `schedule` from `fire` to go on.
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
