import process from 'node:process'
import { toHosts } from '../../config/hosts.ts'
import { ConfigError, type Config } from '../../config/parse-config.ts'
import { usesSockets } from './connect.ts'

/** Checks for settings that are invalid only on Bun. @throws ConfigError */
export function checkConfig(config: Config): void {
  const { maxStreams } = config.limits
  if (toHosts(config).every(({ url }) => usesSockets(url))) return
  const max = maxRequests(process.env.BUN_CONFIG_MAX_HTTP_REQUESTS ?? '')
  if (maxStreams <= max) return
  throw new ConfigError([
    `SLUICE_MAX_STREAMS: must be at most ${max}, because Bun runs no more requests over TLS or a proxy at once; ` +
      'BUN_CONFIG_MAX_HTTP_REQUESTS=65336 raises that, and npm run start:bun sets it',
  ])
}

/**
 * Returns how many requests by `fetch` can run at once on Bun. Bun reads the variable when it
 * starts, and uses its default of 256 if the value is invalid. A stream beyond the limit would wait
 * without an error (docs/hazards.md#29).
 */
function maxRequests(given: string): number {
  return /^[1-9]\d*$/.test(given) && Number(given) <= 65_535 ? Number(given) : 256
}
