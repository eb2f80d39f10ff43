import type { Measured } from './measure.ts'
import { WORKER_HEARTBEAT_MS } from './measures/abort.ts'
import { dialectColumns } from './measures/dialects.ts'
import type { RowName } from './rows/rows.ts'

/** The results of the measures that ran, by the measure's name. */
export type Results = Partial<Record<string, Measured>>

/** A value to compute from the results, and the limit that Sluice must keep. */
interface Figure {
  readonly measure: string
  /** The measured quantity and its row. */
  readonly text: string
  readonly unit: string
  readonly limit: number
  /** Whether the value must be at least the limit. Otherwise it must be at most the limit. */
  readonly isLeast?: boolean
  /** The figure is computed from the values of these rows. */
  readonly rows: readonly RowName[]
  /** The key of the value that is taken from each row. */
  readonly key: string
  readonly of: (...values: number[]) => number
}

/** The rows in which Sluice runs as its own process, not in workerd. */
const hosts = ['sluice-node', 'sluice-bun'] as const
const sluices = [...hosts, 'sluice-worker'] as const
const itself = (value = NaN): number => value

function most(measure: string, key: string, row: RowName, limit: number, unit: string, text: string): Figure {
  return { measure, key, rows: [row], limit, unit, text: `${text}, ${row}`, of: itself }
}

const atLeast = (figure: Figure): Figure => ({ ...figure, isLeast: true })

function ratio(measure: string, key: string, row: RowName, than: RowName, limit: number, text: string): Figure {
  const of = (value = NaN, other = NaN): number => value / other
  return { measure, key, rows: [row, than], limit, unit: '×', text: `${text}, ${row} / ${than}`, of }
}

function addedToPipe(measure: string, key: string, row: RowName, limit: number, unit: string, text: string): Figure {
  const of = (value = NaN, pipe = NaN): number => value - pipe
  return { measure, key, rows: [row, 'pipe'], limit, unit, text: `${text} added to the pipe's, ${row}`, of }
}

function leaving(phase: 'before' | 'after'): Figure[] {
  const moment = `${phase} the first token`
  return [
    ...hosts.map((row) => addedToPipe('abort', `${phase}P99`, row, 2, 'ms', `p99 ${moment}`)),
    most('abort', `${phase}Max`, 'sluice-worker', WORKER_HEARTBEAT_MS + 50, 'ms', `max ${moment}`),
    ...sluices.map((row) => most('abort', `${phase}Missed`, row, 0, '', `missed ${moment}`)),
  ]
}

/**
 * The limits, in the order of the measures. Memory growth of less than 10 MB counts as no growth.
 */
const figures: readonly Figure[] = [
  ratio('paced', 'cpu', 'sluice-node', 'pipe', 0.9, 'CPU per token'),
  ratio('paced', 'cpu', 'sluice-bun', 'pipe', 0.7, 'CPU per token'),
  ratio('paced', 'cpu', 'sluice-node', 'olla', 0.99, 'CPU per token'),
  ratio('paced', 'cpu', 'sluice-bun', 'olla', 0.75, 'CPU per token'),
  ratio('paced', 'cpu', 'sluice-worker', 'write-sse-worker', 0.75, 'CPU per token'),
  ratio('paced', 'cpu', 'sluice-node', 'write-sse-node', 0.9, 'CPU per token'),
  ...hosts.map((row) => addedToPipe('paced', 'ttftP50', row, 0.3, 'ms', 'TTFT p50')),
  addedToPipe('paced', 'ttftP50', 'sluice-worker', 1, 'ms', 'TTFT p50'),
  atLeast(ratio('flat', 'rate64', 'sluice-node', 'pipe', 1.3, 'events/s ×64')),
  atLeast(ratio('flat', 'rate64', 'sluice-bun', 'pipe', 2.5, 'events/s ×64')),
  ratio('flat', 'cpu64', 'sluice-node', 'write-sse-node', 0.55, 'CPU per token ×64'),
  ratio('flat', 'cpu64', 'sluice-bun', 'write-sse-bun', 0.55, 'CPU per token ×64'),
  ratio('flat', 'cpu64', 'sluice-worker', 'write-sse-worker', 1, 'CPU per token ×64'),
  ...sluices.flatMap((row) =>
    dialectColumns.map(({ key }) => most('dialects', key, row, 1.5, '×', `CPU per token, ${key} / native`)),
  ),
  ...sluices.map((row) => most('guards', 'added', row, 30, 'µs', 'CPU added to a request')),
  most('key-timing', 't', 'sluice-node', 4.5, '', 'Welch |t|'),
  most('run-timing', 't', 'sluice-node', 4.5, '', 'Welch |t|'),
  ...sluices.map((row) => atLeast(most('fairness', 'inTime', row, 50, 'of 50', 'first token within 2 s'))),
  ...hosts.map((row) => most('fairness', 'newcomer', row, 1_000, 'ms', 'first token of a 51st')),
  most('fairness', 'gapP99', 'sluice-node', 150, 'ms', 'gap p99 of a paced stream'),
  most('fairness', 'gapP99', 'sluice-bun', 60, 'ms', 'gap p99 of a paced stream'),
  ...leaving('before'),
  ...leaving('after'),
  ...hosts.flatMap((row) => [
    most('resume', 'askedRatio', row, 1.15, '×', 'CPU per token, asked for / not'),
    ratio('resume', 'viewer', row, 'pipe', 1, 'CPU per token and viewer'),
    most('resume', 'resumeP50', row, 5, 'ms', 'first replayed event p50'),
    most('resume', 'backlogMs', row, 20, 'ms', 'a log of 1 MB'),
    most('resume', 'missed', row, 0, '', 'missed stops'),
    most('resume', 'overMb', row, 80, 'MB', 'RSS growth of 10,000 finished runs above 1.5 × their bytes'),
    most('resume', 'heapMb', row, 10, 'MB', 'heap left after they have expired'),
  ]),
  ...(['before', 'detached'] as const).flatMap((phase) => [
    most('resume', `${phase}P99`, 'sluice-node', 15, 'ms', `stop p99, ${phase}`),
    most('resume', `${phase}P99`, 'sluice-bun', 10, 'ms', `stop p99, ${phase}`),
  ]),
  ...hosts.flatMap((row) => [
    most('redis', 'sharedRatio', row, 1.1, '×', 'CPU per token not asked for, with Redis / without'),
    most('redis', 'askedRatio', row, 1.5, '×', 'CPU per token asked for, with Redis / without'),
    most('redis', 'addedIdle', row, 40, 'ms/s', 'CPU added by 5,000 idle resumable streams'),
    most('redis', 'connections', row, 2, '', 'connections to Redis'),
  ]),
  ...hosts.map((row) => most('crowd', 'failed', row, 0, '', 'failed streams')),
  most('crowd', 'idle', 'sluice-node', 15, 'ms/s', 'CPU of 5,000 idle streams'),
  most('crowd', 'idle', 'sluice-bun', 10, 'ms/s', 'CPU of 5,000 idle streams'),
  most('crowd', 'rss', 'sluice-node', 36, 'KB', 'RSS per stream'),
  most('crowd', 'rss', 'sluice-bun', 20, 'KB', 'RSS per stream'),
  ...hosts.map((row) => most('crowd', 'heap', row, 10, 'MB', 'heap left after all have gone')),
  ...hosts.map((row) => most('stalled', 'grown', row, 60, 'MB', 'RSS growth')),
  ...sluices.map((row) => most('stalled', 'late', row, 10, 'MB', 'RSS growth after the first seconds')),
  ...sluices.map((row) => atLeast(most('stalled', 'cut', row, 50, 'of 50', 'cut at the stall limit'))),
  ratio('cold', 'ms', 'sluice-node', 'pipe', 1.25, 'start to first token'),
  ratio('cold', 'ms', 'package-node', 'pipe', 1.25, 'start to first token'),
  most('cold', 'ms', 'sluice-bun', 50, 'ms', 'start to first token'),
  most('cold', 'ms', 'sluice-worker', 60, 'ms', 'start to first token'),
  most('size', 'kb', 'sluice-worker', 60, 'kB', 'bundle without the page, gzipped'),
  most('size', 'dependencies', 'sluice-worker', 8, '', 'direct production dependencies'),
  most('page', 'pageKb', 'sluice-node', 66, 'kB', 'what a first visit takes, gzipped'),
  most('page', 'clientKb', 'sluice-node', 3.2, 'kB', 'client.js, gzipped'),
  most('page', 'paint', 'sluice-node', 300, 'ms', 'first paint'),
  most('page', 'pixelsP95', 'sluice-node', 16.7, 'ms', 'chunk to pixels p95'),
  most('page', 'pixelFrames', 'sluice-node', 1, '', 'frames from a chunk to its pixels p95'),
  most('page', 'longTasks', 'sluice-node', 5, '%', 'frames with a task over 50 ms'),
]

/** The result of comparing a figure with its limit. */
export interface Verdict {
  isMet: boolean
  text: string
  /** The measured value. If there is none, `value` is NaN and `isMet` is false. */
  value: number
  unit: string
  /** The limit as text, such as `≤ 1.8`. */
  limit: string
}

/**
 * Judges the figures whose measure ran. With `names`, it judges only the figures whose rows are all
 * in `names`.
 */
export function judge(results: Results, names?: readonly RowName[]): Verdict[] {
  return figures.flatMap(({ measure, key, rows, text, unit, limit, isLeast, of }) => {
    const measured = results[measure]
    if (!measured || (names && !rows.every((row) => names.includes(row)))) return []
    const value = of(...rows.map((row) => measured[row]?.[key] ?? NaN))
    const isMet = isLeast ? value >= limit : value <= limit
    return [{ isMet, text: `${measure}: ${text}`, value, unit, limit: `${isLeast ? '≥' : '≤'} ${limit}` }]
  })
}
