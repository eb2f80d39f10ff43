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
  /** Since when the run has been detached or finished. */
  let since = startedAt

  function attach(now: number) {
    if (life.isDetached) life.detachedMs += now - since
    life.isDetached = false
  }

  const life: { -readonly [Field in keyof Life]: Life[Field] } = {
    due: startedAt + graceMs,
    isFinished: false,
    isDetached: true,
    viewers: 0,
    detachedMs: 0,
    join(now) {
      present++
      life.viewers++
      attach(now)
      life.due = Infinity
    },
    leave(now) {
      present--
      if (present > 0) return
      if (!life.isFinished) since = now
      life.isDetached = !life.isFinished
      life.due = since + (life.isFinished ? keepMs : graceMs)
    },
    finish(now) {
      if (life.isFinished) return
      attach(now)
      since = now
      life.isFinished = true
      life.due = present > 0 ? Infinity : now + keepMs
    },
    tick(now) {
      if (now < life.due) return undefined
      return life.isFinished ? 'erase' : 'abandon'
    },
  }
  return life
}
