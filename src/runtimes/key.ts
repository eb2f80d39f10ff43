import { createHash, randomBytes } from 'node:crypto'
import process from 'node:process'

/**
 * `npm run key -- NAME [GLOB…]` makes a secret and its entry for SLUICE_API_KEYS. The secret is
 * printed once and not stored (docs/protocol.md#7-who-may-ask).
 */
const [name = '', ...globs] = process.argv.slice(2)
if (!/^[\w.-]{1,64}$/.test(name) || !globs.every((glob) => /^[\w.:/*-]{1,256}$/.test(glob))) {
  console.error(
    'Usage: npm run key -- NAME [MODEL…]\nNAME is letters, digits, dots, - and _; models are names, * is a wildcard',
  )
  process.exit(1)
}
const secret = `sluice-${randomBytes(32).toString('base64url')}`
const hash = createHash('sha256').update(secret).digest('hex')
console.log(`The secret. Give it to the caller now, because it is not shown again:

  ${secret}

The entry for SLUICE_API_KEYS. Several entries have commas between them:

  ${[name, hash, ...(globs.length > 0 ? [globs.join('|')] : [])].join(':')}`)
