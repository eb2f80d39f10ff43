import type { Verdict } from './figures.ts'
import type { Column, Measure, Measured } from './measure.ts'
import { align } from '../tests/lab/align.ts'

/** The columns for the figures of `Rounds`. */
const noiseColumns: readonly Column[] = [
  { key: 'steal', title: 'steal %', digits: 1 },
  { key: 'other', title: 'other load %', digits: 1 },
  { key: 'repeats', title: 'repeated' },
  { key: 'noisy', title: 'noisy' },
]

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

/**
 * Formats the table of one measure. In columns with `hasRatio`, each value is followed by its ratio
 * to the value of the raw pipe. Measures that have rounds also have the columns of the noise.
 */
export function toTable({ name, title, columns, settings = {} }: Measure, measured: Measured): string {
  const set = Object.entries(settings).map(([key, value]) => `; ${key}=${value}`)
  const hasNoise = Object.values(measured).some((values) => 'noisy' in values)
  const all = hasNoise ? [...columns, ...noiseColumns] : columns
  const header = ['', ...all.map((column) => column.title)]
  const lines = Object.entries(measured).map(([row, values]) => [
    row,
    ...all.map((column) => toCell(column, values, measured.pipe)),
  ])
  return `\n${name}: ${title}${set.join('')}\n${align([header, ...lines])}`
}

/** Formats one line per figure: `ok|MISS figure: measured (limit)`. */
export function toLines(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ isMet, text, value, unit, limit }) => {
    const measured = Number.isNaN(value) ? 'not measured' : `${Number(value.toFixed(3))} ${unit}`.trimEnd()
    return `${isMet ? 'ok  ' : 'MISS'} ${text}: ${measured} (${limit})`
  })
  return `\nFigures\n${lines.join('\n')}`
}
