import { startNoise } from './noise.ts'

/** A round with more noise than this is repeated, in percent of the machine's CPU time. */
const LIMIT_PERCENT = 15
const MAX_REPEATS = 3

/** The rounds of one row, and the noise while they ran. */
export interface Rounds {
  /**
   * Runs one round, and repeats it while the machine is noisy. After three repeats it takes the
   * result nevertheless, and counts the round as noisy.
   */
  run<T>(round: () => Promise<T>): Promise<T>
  /** The noise of the worst round that counts, and the numbers of repeats and of noisy rounds. */
  figures(): Record<string, number>
}

/**
 * Creates the rounds of one row. `pids` are the processes of the bench. A gateway is among them
 * once the bench has found it.
 */
export function createRounds(pids: ReadonlySet<number>): Rounds {
  let steal = 0
  let other = 0
  let repeats = 0
  let noisy = 0
  return {
    async run(round) {
      for (let repeat = 0; ; repeat++) {
        const stop = startNoise([...pids])
        const result = await round()
        const noise = stop()
        const isNoisy = noise.steal + noise.other > LIMIT_PERCENT
        if (isNoisy && repeat < MAX_REPEATS) {
          repeats++
          continue
        }
        steal = Math.max(steal, noise.steal)
        other = Math.max(other, noise.other)
        if (isNoisy) noisy++
        return result
      }
    },
    figures: () => ({ steal, other, repeats, noisy }),
  }
}
