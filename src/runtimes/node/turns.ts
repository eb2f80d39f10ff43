/**
 * How many sources go on in one turn of the loop. If all of them went on in one turn, a newcomer
 * would wait until the last of them was served.
 */
const stepsPerTurn = 4

/**
 * Gives a function that runs a step in a later turn of the loop. The steps run first come, first
 * served, and only a few of them in each turn (docs/hazards.md#44).
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
