import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assets } from '../../src/generated/assets.ts'

const toBytes = (isCounted: (path: string) => boolean) =>
  assets.filter(({ path }) => isCounted(path)).reduce((sum, { gzip }) => sum + Buffer.from(gzip, 'base64').length, 0)

test.each(['english', 'chinese'])('the first visit to the chat page takes 66 kB at most, gzipped: %s', (words) => {
  const isFirst = (path: string) => path === '/' || new RegExp(`^/assets/(?:page|theme|${words}|chunk)-`).test(path)
  expect(toBytes(isFirst)).toBeLessThanOrEqual(66_000)
})

test('the client has 2.5 kB at most, gzipped', () => {
  expect(toBytes((path) => path === '/client.js')).toBeLessThanOrEqual(2500)
})

test('gzip gives the same bytes each time: they contain no timestamp', () => {
  for (const { gzip } of assets) expect([...Buffer.from(gzip, 'base64').subarray(4, 8)]).toEqual([0, 0, 0, 0])
})

/** A copy of the build's sources. */
let folder: string
const module = () => join(folder, 'src/generated/assets.ts')
const build = () => execFileSync(process.execPath, ['build/build.ts'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-build-'))
  for (const path of ['build', 'packages', 'src', 'dist', 'package.json', 'package-lock.json', 'tsconfig.json'])
    cpSync(path, join(folder, path), { recursive: true })
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
})

afterAll(() => rmSync(folder, { recursive: true }))

test('an unchanged page is not built again; a changed page is', () => {
  const before = readFileSync(module(), 'utf8')
  utimesSync(module(), 1, 1)
  build()
  expect(statSync(module()).mtimeMs).toBe(1000)
  writeFileSync(join(folder, 'packages/page/style.css'), '\n.changed { color: red }\n', { flag: 'a' })
  build()
  expect(statSync(module()).mtimeMs).toBeGreaterThan(1000)
  const toPath = (text: string) => /\/assets\/page-[\w-]+\.css/.exec(text)![0]
  expect(toPath(readFileSync(module(), 'utf8'))).not.toBe(toPath(before))
})

test('a file of the server does not get into the page', () => {
  writeFileSync(
    join(folder, 'packages/page/main.tsx'),
    `\nimport { ServiceError } from '../../src/errors.ts'\nconsole.log(ServiceError)\n`,
    {
      flag: 'a',
    },
  )
  const before = readFileSync(module(), 'utf8')
  expect(build).toThrow('Cannot build for browsers: src/errors.ts is of the server')
  expect(readFileSync(module(), 'utf8')).toBe(before)
})
