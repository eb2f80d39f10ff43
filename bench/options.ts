import { parseArgs } from 'node:util'
import type { Measure } from './measure.ts'
import { rows, type RowName } from './rows/rows.ts'

export interface Options {
  measures: readonly Measure[]
  /** Instead of each measure's own. */
  rows: readonly RowName[] | undefined
  /** Where the JSON goes instead of bench/results/. */
  json: string | undefined
}

/** @throws Error that names what is unknown and what is known */
function pick<T extends { readonly name: string }>(known: readonly T[], list: string | undefined): T[] | undefined {
  return list?.split(',').map((name) => {
    const found = known.find((one) => one.name === name.trim())
    if (!found) throw new Error(`Cannot find '${name}': known are ${known.map((one) => one.name).join(', ')}`)
    return found
  })
}

/** `[--only paced,flat] [--rows pipe,sluice-node] [--json FILE]` */
export function parseOptions(args: string[], measures: readonly Measure[]): Options {
  const { values } = parseArgs({
    args,
    options: { only: { type: 'string' }, rows: { type: 'string' }, json: { type: 'string' } },
  })
  return {
    measures: pick(measures, values.only) ?? measures,
    rows: pick(rows, values.rows)?.map(({ name }) => name),
    json: values.json,
  }
}
