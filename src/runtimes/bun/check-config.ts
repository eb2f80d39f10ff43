import process from 'node:process'
import { ConfigError, type Config } from '../../config/parse-config.ts'

/** Finds the mistakes that are mistakes only on Bun. @throws ConfigError */
export function checkConfig({ limits: { maxStreams } }: Config): void {
  const max = maxRequests(process.env.BUN_CONFIG_MAX_HTTP_REQUESTS ?? '')
  if (maxStreams <= max) return
  throw new ConfigError([
    `SLUICE_MAX_STREAMS: must be at most ${max}, because Bun runs no more requests at once; ` +
      'BUN_CONFIG_MAX_HTTP_REQUESTS=65336 raises that, and npm run start:bun sets it',
  ])
}

/**
 * How many requests to Ollama Bun runs at once. Bun reads the variable before it runs any of our
 * code, and takes its default for a value that it does not understand. A stream beyond the limit
 * would wait silently, and everything would look healthy (docs/hazards.md#29).
 */
function maxRequests(given: string): number {
  return /^[1-9]\d*$/.test(given) && Number(given) <= 65_535 ? Number(given) : 256
}
