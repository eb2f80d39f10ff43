import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const sources = ['build', 'packages', 'src', 'dist', 'package.json', 'package-lock.json', 'tsconfig.json']

/** Copies the sources of the build, and the built files, to a temporary folder. */
export function copySources() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  for (const path of sources) cpSync(path, join(folder, path), { recursive: true })
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
  return {
    folder,
    /** Runs the build of the copy. @throws Error with its output if it fails */
    build: () => execFileSync(process.execPath, ['build/build.ts'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }),
    /** Adds a rule to the style of the chat page. */
    changePage: () => writeFileSync(join(folder, 'packages/page/style.css'), '\n.changed { color: red }\n', { flag: 'a' }),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** Finds the path of the page's style, which contains a hash of the style. */
export function toStylePath(text: string): string {
  return /\/assets\/page-[\w-]+\.css/.exec(text)![0]
}
