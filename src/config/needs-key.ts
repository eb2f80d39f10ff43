import type { Config } from './parse-config.ts'

/**
 * Whether callers need a key. With a file of keys they need one even if the file has none: then
 * nobody may ask.
 */
export function needsKey({ access: { keys, keysFile } }: Config): boolean {
  return keys.length > 0 || keysFile !== undefined
}
