/** How long a run lives without readers, in milliseconds. */
export interface LifeOptions {
  /** How long an open run waits for a reader. Infinity for a background run. */
  graceMs: number
  /** How long a finished run can be read. A viewer who still reads then may read to the end. */
  keepMs: number
}

/**
 * The life of a run, without I/O. An open run is attached as long as it has viewers. When the last
 * viewer leaves, it is detached. It is then resumed by a new viewer, or abandoned when the grace is
 * over. A finished run is kept for a while. The caller reports what happened and when. `now` is the
 * time of a monotonic clock in milliseconds.
 */
export interface Life {
  join(now: number): void
  leave(now: number): void
  /** Reports that the run has finished. */
  finish(now: number): void
  /** Returns what the caller has to do now: stop the run, or erase its log. */
  tick(now: number): 'abandon' | 'erase' | undefined
  /** When `tick` is needed next. */
  readonly due: number
  readonly isFinished: boolean
  /** Whether the run is open without a viewer. */
  readonly isDetached: boolean
  /** How many viewers the run has had. */
  readonly viewers: number
  /** How long the run was detached so far, not counting the present time without a viewer. */
  readonly detachedMs: number
}

/** Creates the life of a run that has no viewer yet. */
export function createLife({ graceMs, keepMs }: LifeOptions, startedAt: number): Life {
  let present = 0
  let viewers = 0
  let detachedMs = 0
  let detachedAt: number | undefined = startedAt
  let finishedAt: number | undefined

  function attach(now: number) {
    if (detachedAt !== undefined) detachedMs += now - detachedAt
    detachedAt = undefined
  }
  function toDue(): number {
    if (finishedAt !== undefined) return present > 0 ? Infinity : finishedAt + keepMs
    return detachedAt === undefined ? Infinity : detachedAt + graceMs
  }

  return {
    join(now) {
      present++
      viewers++
      attach(now)
    },
    leave(now) {
      present--
      if (present === 0 && finishedAt === undefined) detachedAt = now
    },
    finish(now) {
      if (finishedAt !== undefined) return
      attach(now)
      finishedAt = now
    },
    tick(now) {
      if (now < toDue()) return undefined
      return finishedAt === undefined ? 'abandon' : 'erase'
    },
    get due() {
      return toDue()
    },
    get isFinished() {
      return finishedAt !== undefined
    },
    get isDetached() {
      return detachedAt !== undefined
    },
    get viewers() {
      return viewers
    },
    get detachedMs() {
      return detachedMs
    },
  }
}
