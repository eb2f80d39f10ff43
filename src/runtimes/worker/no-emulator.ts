import { ServiceError } from '../../errors.ts'

/**
 * Replaces the emulator in a deployed Worker, because the emulator would be a fifth of the Worker's
 * code. The script `deploy` in package.json sets the replacement.
 * @throws ServiceError `misconfigured`
 */
export function createEmulator(): never {
  const text = 'SLUICE_DEMO must be 0 here, because this Worker has no emulator; npx wrangler deploy includes it'
  throw new ServiceError('misconfigured', text)
}
