import type { Context } from 'hono'
import type { Ignored } from '../dialects/ignored.ts'
import type { Env } from '../middleware/env.ts'

/**
 * The header that names the parts of a request that were left out. There is no header if nothing
 * was left out. The access log says the same.
 */
export function toIgnoredHeader(c: Context<Env>, ignored: Ignored | undefined): { 'x-sluice-ignored'?: string } {
  const value = ignored?.toHeader()
  if (value === undefined) return {}
  c.var.entry.ignored = value
  return { 'x-sluice-ignored': value }
}
