import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }
import { writeAtomically } from './write-atomically.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * Writes the version of package.json as a module, because no runtime but Node can read the file.
 * @param stamp the first line of `src/generated/version.ts`
 */
export async function buildVersion(stamp: string): Promise<void> {
  const module = `export const version = '${packageJson.version}'\n`
  await writeAtomically(join(root, 'src/generated/version.ts'), stamp + module)
}
