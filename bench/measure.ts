import type { Lab } from './lab.ts'
import type { RowName } from './rows/rows.ts'

/** One column of a measure's table. */
export interface Column {
  readonly key: string
  readonly title: string
  /** Digits after the decimal point. Default 0. */
  readonly digits?: number
  /** Whether the table also shows the value as a multiple of the raw pipe's value. */
  readonly hasRatio?: boolean
}

/** The results: a number for each row and column. A row that could not run is absent. */
export type Measured = Partial<Record<RowName, Record<string, number>>>

/** One measure: one file in `measures/`, one table. */
export interface Measure {
  readonly name: string
  /** What the measure does, and how several rounds become one number. */
  readonly title: string
  readonly columns: readonly Column[]
  /**
   * The environment variables of Sluice that differ from what users have. The table names them. All
   * other settings have their defaults.
   */
  readonly settings?: Readonly<Record<string, string>>
  /** The rows that it measures, unless `--rows` names others. */
  readonly rows: readonly RowName[]
  run(lab: Lab, rows: readonly RowName[]): Promise<Measured>
}
