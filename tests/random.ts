export interface Random {
  /** Returns an integer that is at least 0 and less than `below`. */
  (below: number): number
  /**
   * Picks one of the values.
   * @throws Error if there is none
   */
  pick<T>(values: readonly T[]): T
}

/** Creates a generator (mulberry32). The same seed always gives the same numbers. */
export function createRandom(seed: number): Random {
  let state = seed
  const random = (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
  return Object.assign(random, {
    pick<T>(values: readonly T[]): T {
      if (values.length === 0) throw new Error('Cannot pick: there is nothing')
      return values[random(values.length)]!
    },
  })
}
