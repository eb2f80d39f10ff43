import { readdirSync } from 'node:fs'
import { rssKbOf } from '../lab/process-stats.ts'
import type { SoakStage } from './stage.ts'

/**
 * Measurements of a server at rest: it has no readers, its upstream is stopped, and its garbage is
 * collected.
 */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number
  /** The number of requests so far. */
  readonly requests: number
  readonly heapMb: number
  readonly rssMb: number
  readonly descriptors: number
  /** Streams that are open at the upstream, counted before it was stopped. */
  readonly openStreams: number
}

export const countDescriptors = ({ server }: SoakStage) => readdirSync(`/proc/${server.pid}/fd`).length

export async function takeSample(
  stage: SoakStage,
  openStreams: number,
  told: Pick<Sample, 'at' | 'requests'>,
): Promise<Sample> {
  return {
    ...told,
    openStreams,
    heapMb: (await stage.server.usedHeap()) / 1e6,
    rssMb: rssKbOf(stage.server.pid) / 1000,
    descriptors: countDescriptors(stage),
  }
}

/** Fits a straight line. Returns its slope in MB per hour, and the slope's standard error. */
export function toSlope(samples: readonly Sample[], of: (sample: Sample) => number): { slope: number; error: number } {
  const count = samples.length
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count
  const hours = samples.map(({ at }) => at / 3600)
  const values = samples.map(of)
  const [meanHour, meanValue] = [mean(hours), mean(values)]
  const spread = hours.reduce((sum, hour) => sum + (hour - meanHour) ** 2, 0)
  const slope = hours.reduce((sum, hour, i) => sum + (hour - meanHour) * (values[i]! - meanValue), 0) / spread
  const rest = hours.reduce((sum, hour, i) => sum + (values[i]! - meanValue - slope * (hour - meanHour)) ** 2, 0)
  return { slope, error: Math.sqrt(rest / (count - 2) / spread) }
}
