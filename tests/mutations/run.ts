import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { mutations, type Mutation } from './mutations.ts'

/**
 * `npm run mutations`: breaks a copy of the service in one place at a time, and checks that a test
 * fails. With `-- --only relay`, it runs only mutations of files with `relay` in their path.
 */
const { only = '' } = parseArgs({ options: { only: { type: 'string' } } }).values
const root = fileURLToPath(new URL('../../', import.meta.url))
const copy = mkdtempSync(join(tmpdir(), 'sluice-mutations-'))
process.once('exit', () => rmSync(copy, { recursive: true }))
const left = new Set(['node_modules', '.git'])
cpSync(root, copy, { recursive: true, filter: (path) => !left.has(basename(path)) })
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

type Tests = Pick<Mutation, 'test' | 'title'>

/** Runs these tests of the copy. Returns whether they pass. */
async function passes({ test, title }: Tests): Promise<boolean> {
  const file = `tests/${test}.test.ts`
  if (!existsSync(join(copy, file))) throw new Error(`Cannot run ${file}: there is no such file`)
  const args = ['run', file, '--bail', '1', ...(title === undefined ? [] : ['--testNamePattern', title])]
  try {
    await promisify(execFile)(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: copy })
    return true
  } catch {
    return false
  }
}

/**
 * Applies a mutation and runs its tests. Returns undefined if a test fails, as it should. Otherwise
 * returns what is wrong.
 */
async function toProblem({ file, from, to, ...tests }: Mutation): Promise<string | undefined> {
  const path = join(copy, 'src', file)
  const source = readFileSync(path, 'utf8')
  const count = source.split(from).length - 1
  if (count !== 1) return `the file has this text ${count} times`
  writeFileSync(
    path,
    source.replace(from, () => to),
  )
  const hasSurvived = await passes(tests)
  writeFileSync(path, source)
  return hasSurvived ? 'it survived' : undefined
}

const chosen = mutations.filter(({ file }) => file.includes(only))
// Tests that fail even without a mutation would seem to notice every mutation.
const all = new Map(chosen.map(({ test, title }) => [`${test} ${title}`, { test, title } as Tests]))
for (const [name, tests] of all) if (!(await passes(tests))) throw new Error(`Cannot start: ${name} fails without a mutation`)

let problems = 0
for (const mutation of chosen) {
  const problem = await toProblem(mutation)
  if (problem) problems++
  console.log(`${problem ?? 'caught'}: ${mutation.file}: ${mutation.from} → ${mutation.to || 'nothing'}`)
}
console.log(`${chosen.length - problems} of ${chosen.length} were caught`)
process.exitCode = problems > 0 ? 1 : 0
