import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { pack, programEnv } from './start-app.ts'
import { describeEmbedded } from './suite.ts'

let folder: string
let tarball: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-examples-'))
  tarball = pack(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Copies an example and installs it as its README says. */
function install(name: string): string {
  const copy = join(folder, name)
  cpSync(join('examples', name), copy, { recursive: true })
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', tarball]
  execFileSync('npm', args, { cwd: copy, env: programEnv })
  return copy
}

describe.each([
  ['hono', 'node'],
  ['express', 'node'],
  ['bun-serve', 'bun'],
] as const)('examples/%s', (name, command) => {
  describeEmbedded(() => ({ folder: install(name), command, file: 'server.js' }), { hasPage: true, drains: true })
})
