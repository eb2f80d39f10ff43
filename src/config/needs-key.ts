import type { Config } from './parse-config.ts'

/**
 * Whether callers need a key. With a file of keys they need one even if the file has none: then
 * nobody may ask.
 */
export function needsKey({ access: { keys, keysFile } }: Config): boolean {
  return keys.length > 0 || keysFile !== undefined
}

/** Returns what is wrong with the settings of stream tokens. A token stands for a key. */
export function findTokenProblems(config: Config): string[] {
  if (config.access.tokenSecret === undefined || needsKey(config)) return []
  return ['SLUICE_TOKEN_SECRET: must be unset without keys, because a token stands for a key; set SLUICE_API_KEYS']
}
