import { createHash, randomBytes } from 'node:crypto'
import { UsageError } from './usage-error.ts'

/**
 * Makes a secret and its entry for SLUICE_API_KEYS. Returns a text with both, because nothing
 * stores the secret (docs/protocol.md#7-who-may-ask).
 * @throws UsageError for a wrong name or glob
 */
export function addKey([name = '', ...globs]: readonly string[]): string {
  if (!/^[\w.-]{1,64}$/.test(name) || !globs.every((glob) => /^[\w.:/*-]{1,256}$/.test(glob)))
    throw new UsageError('a key needs NAME [MODEL…]\nNAME is letters, digits, dots, - and _; models are names, * is a wildcard')
  const secret = `sluice-${randomBytes(32).toString('base64url')}`
  const hash = createHash('sha256').update(secret).digest('hex')
  return `The secret. Give it to the caller now, because it is not shown again:

  ${secret}

The entry for SLUICE_API_KEYS. Several entries have commas between them:

  ${[name, hash, ...(globs.length > 0 ? [globs.join('|')] : [])].join(':')}`
}
