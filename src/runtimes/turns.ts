/**
 * How many steps run in one turn of the event loop. If all waiting steps ran in one turn, a new
 * request would have to wait for all of them.
 */
const stepsPerTurn = 4

/**
 * Returns a function that runs a step in a later turn of the event loop. The steps run in the order
 * of their arrival, and only a few of them in each turn (docs/hazards.md#44).
 */
export function createTurns(): (step: () => void) => void {
  let waiting: (() => void)[] = []
  let isDue = false

  function run() {
    const now = waiting.slice(0, stepsPerTurn)
    waiting = waiting.slice(stepsPerTurn)
    for (const step of now) step()
    isDue = waiting.length > 0
    if (isDue) setImmediate(run)
  }
  return (step) => {
    waiting.push(step)
    if (!isDue) setImmediate(run)
    isDue = true
  }
}
