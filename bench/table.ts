import type { Verdict } from './figures.ts'
import type { Column, Measure, Measured } from './measure.ts'

/** Cells in columns, the first to the left and the others to the right. */
export function align(cells: string[][]): string {
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  const pad = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)
  return cells.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}

const show = (value: number | undefined, digits = 0): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits)

function toCell(
  { key, digits, hasRatio }: Column,
  values: Record<string, number>,
  pipe: Record<string, number> | undefined,
): string {
  const text = show(values[key], digits)
  return hasRatio && pipe?.[key] ? `${text} (${show((values[key] ?? NaN) / pipe[key], 2)}×)` : text
}

/** One measure's table; behind some values stands their ratio to the raw pipe's. */
export function toTable({ name, title, columns }: Measure, measured: Measured): string {
  const header = ['', ...columns.map((column) => column.title)]
  const lines = Object.entries(measured).map(([row, values]) => [
    row,
    ...columns.map((column) => toCell(column, values, measured.pipe)),
  ])
  return `\n${name}: ${title}\n${align([header, ...lines])}`
}

/** One line per figure: `ok|MISS figure: measured (limit)`. */
export function toLines(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ isKept, text, value, unit, limit }) => {
    const measured = Number.isNaN(value) ? 'not measured' : `${Number(value.toFixed(3))} ${unit}`.trimEnd()
    return `${isKept ? 'ok  ' : 'MISS'} ${text}: ${measured} (${limit})`
  })
  return `\nFigures\n${lines.join('\n')}`
}
