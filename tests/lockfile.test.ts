import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Lockfile {
  packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>
}

const read = (path: string) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')) as unknown

const folders = ['', 'tests/agents/npm/', 'tests/embed/npm/', 'tests/package/npm/']

test.each(folders)('%spackage-lock.json has the binaries of every platform, or npm ci refuses it elsewhere', (folder) => {
  const { packages } = read(`${folder}package-lock.json`) as Lockfile
  const locked = Object.keys(packages)
  const missing = Object.entries(packages).flatMap(([name, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((optional) => !locked.some((path) => path.endsWith(`node_modules/${optional}`)))
      .map((optional) => `${name} lacks ${optional}`),
  )
  expect(missing).toEqual([])
})

test.each(folders)('%spackage.json has exact versions, and its lockfile names no registry', (folder) => {
  const { dependencies, devDependencies } = read(`${folder}package.json`) as Record<string, Record<string, string>>
  for (const version of Object.values({ ...dependencies, ...devDependencies })) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  const { packages } = read(`${folder}package-lock.json`) as Lockfile
  for (const { resolved } of Object.values(packages)) expect(resolved).toBeUndefined()
})
