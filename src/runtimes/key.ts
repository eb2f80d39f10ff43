import process from 'node:process'
import { addKey } from './cli/add-key.ts'
import { UsageError } from './cli/usage-error.ts'

/** `npm run key -- NAME [MODEL…]`, which is `sluice key add` in a copy that is not built. */
try {
  console.log(addKey(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`npm run key -- NAME [MODEL…]: ${error.message}`)
  process.exitCode = 1
}
