/** So many sources go on in one turn of the loop: with all of them in one, no newcomer would be heard before the last was served. */
const perTurn = 4

/** Gives a function that runs what it is given in a later turn of the loop, first come, first served, and a few in each (hazard 44). */
export function createTurns(): (step: () => void) => void {
  let waiting: (() => void)[] = []
  let isDue = false

  function run() {
    const now = waiting.slice(0, perTurn)
    waiting = waiting.slice(perTurn)
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
