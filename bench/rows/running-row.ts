import type { Target } from '../reader/target.ts'
import type { Row, RowName } from './rows.ts'

/** A row's server that runs and relays. */
export interface RunningRow {
  readonly name: RowName
  readonly runtime: Row['runtime'] | 'unknown'
  readonly target: Target
  /** The processes that do the work, but not those that they have started themselves; none when they are not on this machine. */
  readonly pids: readonly number[]
  /** From the start of the process to its first token; NaN when somebody else has started it. */
  readonly coldMs: number
  /** What is in use after all garbage was collected; NaN unless started with `tellsHeap`. */
  usedHeapMb(): Promise<number>
  /** What it said last, if it has ended of itself. */
  lastWords(): string | undefined
  stop(): Promise<void>
}
