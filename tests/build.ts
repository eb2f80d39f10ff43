import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Builds the page and the programs for Node and Bun, because the tests run them. The build has a
 * process of its own, because Vitest's loader of modules lacks `import.meta.resolve`.
 */
export function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../build/build.ts', import.meta.url))], { stdio: 'inherit' })
}
