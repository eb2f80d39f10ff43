import process from 'node:process'
import { findTokenProblems, needsKey } from '../config/needs-key.ts'
import { ConfigError, type Config } from '../config/parse-config.ts'
import { isLoopbackAddress } from '../middleware/loopback.ts'

/**
 * Checks what matters only to a Sluice that listens itself. `hasPrincipals` is whether the app
 * around it knows its callers.
 * @throws ConfigError
 */
export async function checkServer(config: Config, { hasPrincipals = false } = {}): Promise<void> {
  checkKeys(config)
  if (!hasPrincipals) checkBinding(config)
  checkSharing(config)
  await checkDemo(config)
}

/**
 * All keys are in one place, so that nobody looks for a key in the other one.
 * @throws ConfigError
 */
function checkKeys(config: Config) {
  const { keys, keysFile } = config.access
  const problems = findTokenProblems(config)
  if (problems.length > 0) throw new ConfigError(problems)
  if (keysFile === undefined || keys.length === 0) return
  throw new ConfigError(['SLUICE_API_KEYS: must be unset, because SLUICE_API_KEYS_FILE has all keys; put them there'])
}

/**
 * Requires keys or SLUICE_INSECURE=1 if other machines can reach the address, because Ollama itself
 * requires no keys.
 * @throws ConfigError
 */
function checkBinding(config: Config) {
  const { access, server } = config
  if (needsKey(config) || access.insecure || isLoopback(server.host)) return
  throw new ConfigError([
    'HOST: others can reach this address, and there are no keys; set SLUICE_API_KEYS (npx sluice key add NAME makes one), ' +
      'or SLUICE_INSECURE=1 if a proxy in front asks for keys',
  ])
}

/** Processes can share a port on Linux only. @throws ConfigError */
function checkSharing({ server: { reusePort, port } }: Config) {
  if (!reusePort) return
  if (process.platform !== 'linux')
    throw new ConfigError(['SLUICE_REUSE_PORT: must be 0 here, because processes share a port only on Linux'])
  if (port === 0)
    throw new ConfigError(['SLUICE_REUSE_PORT: needs a PORT, because PORT=0 gives each process a port of its own'])
}

/** The demo needs the emulator, which the Docker image does not have. @throws ConfigError */
async function checkDemo({ upstream: { demo } }: Config) {
  if (!demo) return
  try {
    await import('#fake-ollama')
  } catch {
    throw new ConfigError([
      'SLUICE_DEMO: must be 0 here, because this copy of Sluice has no emulator; a clone of its repository has it',
    ])
  }
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host)
}
