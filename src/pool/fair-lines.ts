/**
 * The lines of those who wait for a place, one for each key. The keys take turns, no matter how
 * many requests each key has sent.
 */
export function createFairLines<T>() {
  /**
   * The waiters of each key, in the order of their arrival. The keys are in the order of their
   * turns.
   */
  const lines = new Map<string, T[]>()
  let size = 0

  function remove(key: string, line: T[], index: number) {
    size--
    line.splice(index, 1)
    if (line.length === 0) lines.delete(key)
  }

  return {
    get size() {
      return size
    },
    add(key: string, waiter: T): void {
      const line = lines.get(key)
      if (line) line.push(waiter)
      else lines.set(key, [waiter])
      size++
    },
    /** Does nothing if the waiter is not in the line any more. */
    drop(key: string, waiter: T): void {
      const line = lines.get(key)
      const index = line?.indexOf(waiter) ?? -1
      if (line && index !== -1) remove(key, line, index)
    },
    /**
     * Takes out the first waiter that can go, of the first key that has one. That key moves behind
     * the other keys. Returns false if none can go.
     */
    serve(canGo: (waiter: T) => boolean): boolean {
      for (const [key, line] of lines) {
        const index = line.findIndex(canGo)
        if (index === -1) continue
        remove(key, line, index)
        if (lines.delete(key)) lines.set(key, line)
        return true
      }
      return false
    },
  }
}
