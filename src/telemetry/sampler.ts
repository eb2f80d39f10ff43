import type { Sampler } from '../middleware/env.ts'

/** A sampler of OpenTelemetry (`OTEL_TRACES_SAMPLER`). */
export type SamplerName = `${'' | 'parentbased_'}${'always_on' | 'always_off' | 'traceidratio'}`

/**
 * Creates a sampler. `ratio` is the share of the traces for `traceidratio`. It looks at the last 56
 * bits of the id, which are random in every id (W3C Trace Context Level 2, "random trace id").
 */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  const root = name.replace('parentbased_', '')
  const decide = (traceId: string) =>
    root === 'traceidratio' ? Number.parseInt(traceId.slice(-14), 16) < ratio * 2 ** 56 : root === 'always_on'
  if (name === root) return decide
  return (traceId, isParentSampled) => isParentSampled ?? decide(traceId)
}
