import type { Lab } from './lab.ts'
import type { RowName } from './rows/rows.ts'

/** One column of a measure's table. */
export interface Column {
  readonly key: string
  readonly title: string
  /** Digits behind the point, 0 unless told. */
  readonly digits?: number
  /** Show it also as a multiple of the raw pipe. */
  readonly hasRatio?: boolean
}

/** What was measured: a number for each row and column. A row that could not run is absent. */
export type Measured = Partial<Record<RowName, Record<string, number>>>

/** One measure: one file in `measures/`, one table. */
export interface Measure {
  readonly name: string
  /** What it does, and how the numbers come out of several rounds. */
  readonly title: string
  readonly columns: readonly Column[]
  /** The rows that it measures unless `--rows` names others. */
  readonly rows: readonly RowName[]
  run(lab: Lab, rows: readonly RowName[]): Promise<Measured>
}
