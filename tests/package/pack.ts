import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The path of the package that `npm pack` has made. */
    tarball: string
  }
}

/** Packs Sluice once, for all tests of the package. */
export function setup({ provide }: Pick<TestProject, 'provide'>): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'))
  const args = ['pack', '--json', '--offline', '--loglevel=error', '--pack-destination', folder]
  const said = execFileSync('npm', args, { encoding: 'utf8' })
  // The build may write lines before.
  const [{ filename }] = JSON.parse(said.slice(said.search(/^\[/m))) as [{ filename: string }]
  provide('tarball', join(folder, filename))
  return () => rmSync(folder, { recursive: true, force: true })
}
