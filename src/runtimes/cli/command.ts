import process from 'node:process'
import packageJson from '../../../package.json' with { type: 'json' }
import { help } from './help.ts'
import { runKeyCommand } from './keys.ts'
import { parseCommandLine, type CommandLine } from './parse-command-line.ts'
import { readEnvFile } from './read-env-file.ts'
import { restartWithFlags } from './restart.ts'
import { UsageError } from './usage-error.ts'

/**
 * Runs `sluice` with its arguments. A mistake in them ends the process with status 1. What a start
 * of the service does not need is loaded when it is asked for, because Ollama's client and
 * `node:child_process` take 8 ms.
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  try {
    await run(parseCommandLine(args))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`sluice: ${error.message}`)
    process.exitCode = 1
  }
}

async function run({ command, order, variables, envFiles, open }: CommandLine) {
  if (command === 'help') return print(help)
  if (command === 'version') return print(`sluice ${packageJson.version}\n`)
  if (order) return print(`${runKeyCommand(order)}\n`)
  // The server reads its variables from the environment of the process.
  Object.assign(process.env, Object.assign({}, ...envFiles.map(readEnvFile)), { ...process.env }, variables)
  if (command === 'check') {
    const { check } = await import('./check.ts')
    const { text, isWell } = await check(packageJson.version)
    return print(text, isWell ? 0 : 1)
  }
  restartWithFlags(open ? ['--open'] : [])
  const { url } = await (process.versions.bun ? import('../bun.ts') : import('../node.ts'))
  if (!open) return
  const { openPage } = await import('./open-page.ts')
  openPage(url)
}

/** Prints a text and ends the process, even if nobody reads the text. */
function print(text: string, status = 0) {
  const exit = () => process.exit(status)
  process.stdout.on('error', exit)
  process.stdout.write(text, exit)
}
