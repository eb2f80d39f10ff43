import type { Context } from 'hono'
import type { Env } from '../middleware/env.ts'

/**
 * Returns the header that names the Ollama that answers. There is none if there is only one Ollama,
 * or if the one that answers is not known yet.
 */
export function toHostHeader({ var: { entry } }: Context<Env>): { 'x-sluice-host'?: string } {
  return entry.host === undefined ? {} : { 'x-sluice-host': entry.host }
}
