import type { Target } from '../reader/target.ts'
import type { Row, RowName } from './rows.ts'

/** The server of a row, after it has started and relayed a stream. */
export interface RunningRow {
  readonly name: RowName
  readonly runtime: Row['runtime'] | 'unknown'
  readonly target: Target
  /**
   * The ids of the processes that do the work, without their child processes. The list is empty if
   * they run on another machine.
   */
  readonly pids: readonly number[]
  /**
   * Milliseconds from the start of the process to its first token, or NaN if the bench has not
   * started it.
   */
  readonly coldMs: number
  /**
   * Resolves with the memory in use after a full garbage collection, or with NaN if the server was
   * started without `tellsHeap`.
   */
  usedHeapMb(): Promise<number>
  /** The last output of a process that has ended by itself, or undefined while it runs. */
  exitOutput(): string | undefined
  stop(): Promise<void>
}
