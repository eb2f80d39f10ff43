import type { Context } from 'hono'
import type { Ignored } from '../dialects/ignored.ts'
import type { Env } from '../middleware/env.ts'

/**
 * Returns the header that lists the ignored fields of a request, or no header if no field was
 * ignored. The access log gets the same list.
 */
export function toIgnoredHeader(c: Context<Env>, ignored: Ignored | undefined): { 'x-sluice-ignored'?: string } {
  const value = ignored?.toHeader()
  if (value === undefined) return {}
  c.var.entry.ignored = value
  return { 'x-sluice-ignored': value }
}
