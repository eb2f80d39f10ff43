import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.venv/', import.meta.url))

/**
 * Returns the path of the Python that has the clients of `requirements.txt`.
 * @throws Error if `install.sh` has not run
 */
export function toPython(): string {
  if (!existsSync(`${folder}complete`)) throw new Error('Cannot run Python: run tests/python/install.sh first')
  return `${folder}bin/python`
}
