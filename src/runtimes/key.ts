import process from 'node:process'
import { runKeyCommand } from './cli/keys.ts'
import { parseCommandLine } from './cli/parse-command-line.ts'
import { UsageError } from './cli/usage-error.ts'

/**
 * `npm run key -- NAME [MODEL…]` and `npm run key -- list`, which are `sluice key add` and
 * `sluice key list` in a copy that is not built.
 */
try {
  const args = process.argv.slice(2)
  const isCommand = /^(?:add|list|revoke|rotate)$/.test(args[0] ?? '')
  const { order } = parseCommandLine(['key', ...(isCommand ? [] : ['add']), ...args])
  if (!order) throw new UsageError('docs/command.md §4 says what it does')
  console.log(runKeyCommand(order))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`npm run key -- NAME [MODEL…]: ${error.message}`)
  process.exitCode = 1
}
