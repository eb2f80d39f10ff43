import type { Lab } from './lab.ts'
import type { Measured } from './measure.ts'
import type { RowName } from './rows/rows.ts'
import type { RunningRow } from './rows/running-row.ts'
import type { StartOptions } from './rows/start-row.ts'

/** Measures one row after the other, in one round with a fresh server. */
export async function measureEach(
  lab: Lab,
  names: readonly RowName[],
  options: StartOptions,
  measureServer: (server: RunningRow) => Promise<Record<string, number>>,
): Promise<Measured> {
  const measured: Measured = {}
  for (const name of names) {
    const rounds = lab.rounds()
    const figures = await rounds.run(() => lab.withRow(name, options, measureServer))
    if (figures) measured[name] = { ...figures, ...rounds.figures() }
  }
  return measured
}
