import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assets } from '../../src/generated/assets.ts'
import { copySources, toStylePath } from './copy-sources.ts'

const toBytes = (isCounted: (path: string) => boolean) =>
  assets.filter(({ path }) => isCounted(path)).reduce((sum, { gzip }) => sum + Buffer.from(gzip, 'base64').length, 0)

test.each(['english', 'chinese'])('the first visit to the chat page takes 66 kB at most, gzipped: %s', (words) => {
  const isFirst = (path: string) => path === '/' || new RegExp(`^/assets/(?:page|theme|${words}|chunk)-`).test(path)
  expect(toBytes(isFirst)).toBeLessThanOrEqual(66_000)
})

test('the status page takes 25 kB at most, gzipped', () => {
  expect(toBytes((path) => path === '/status' || /^\/assets\/(?:status|theme)-/.test(path))).toBeLessThanOrEqual(25_000)
})

test('the client has 3.2 kB at most, gzipped', () => {
  expect(toBytes((path) => path === '/client.js')).toBeLessThanOrEqual(3200)
})

test('gzip gives the same bytes each time: they contain no timestamp', () => {
  for (const { gzip } of assets) expect([...Buffer.from(gzip, 'base64').subarray(4, 8)]).toEqual([0, 0, 0, 0])
})

let copy: ReturnType<typeof copySources>
const module = () => join(copy.folder, 'src/generated/assets.ts')

beforeAll(() => void (copy = copySources()))
afterAll(() => copy.remove())

test('an unchanged page is not built again; a changed page is', () => {
  const before = readFileSync(module(), 'utf8')
  utimesSync(module(), 1, 1)
  copy.build()
  expect(statSync(module()).mtimeMs).toBe(1000)
  copy.changePage()
  copy.build()
  expect(statSync(module()).mtimeMs).toBeGreaterThan(1000)
  expect(toStylePath(readFileSync(module(), 'utf8'))).not.toBe(toStylePath(before))
})

test('a file of the server does not get into the page', () => {
  writeFileSync(
    join(copy.folder, 'packages/page/main.tsx'),
    `\nimport { ServiceError } from '../../src/errors.ts'\nconsole.log(ServiceError)\n`,
    {
      flag: 'a',
    },
  )
  const before = readFileSync(module(), 'utf8')
  expect(copy.build).toThrow('Cannot build for browsers: src/errors.ts is of the server')
  expect(readFileSync(module(), 'utf8')).toBe(before)
})
