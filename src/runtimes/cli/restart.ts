import process from 'node:process'

/** The flags of `npm start`. V8 reads the first one only when it starts (docs/hazards.md#56). */
const flags = ['--max-semi-space-size=8', '--enable-source-maps']

/**
 * Starts Node again with its flags and with the variables of this process. The new program replaces
 * this one in the same process, so signals and the exit status need nobody in between. Returns if
 * Node has the flags already, or where that cannot be done: on Windows and on Bun.
 */
export function restartWithFlags(args: readonly string[]): void {
  const given = [...process.execArgv, process.env.NODE_OPTIONS].join(' ')
  if (/--max[-_]semi[-_]space[-_]size/.test(given)) return
  const [, script = ''] = process.argv
  try {
    process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...flags, script, ...args], process.env)
  } catch {
    // Sluice runs without the flags, too. With many streams it takes more memory.
  }
  process.setSourceMapsEnabled?.(true)
}
