import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { root } from './image.ts'

const run = promisify(execFile)
const read = (path: string) => readFileSync(root + path, 'utf8')

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

interface Job {
  readonly if?: string
  readonly permissions?: Readonly<Record<string, string>>
  readonly 'timeout-minutes'?: number
  readonly strategy?: { readonly matrix: { readonly os: readonly string[] } }
  readonly uses?: string
  readonly steps?: readonly {
    readonly uses?: string
    readonly run?: string
    readonly with?: Readonly<Record<string, unknown>>
  }[]
}

const workflows = ['ci', 'release'].map((name) => `.github/workflows/${name}.yml`)
const [ci, release] = workflows.map((path) => parse(read(path)) as Workflow) as [Workflow, Workflow]
const toCommands = ({ steps = [] }: Job) => steps.flatMap(({ run = [] }) => run)

describe('the workflows', () => {
  test('every action is pinned by the hash of a commit, with its version beside it', () => {
    const uses = workflows.flatMap((path) => read(path).match(/uses: (?!\.\/).*$/gm) ?? [])
    expect(uses.length).toBeGreaterThan(5)
    for (const use of uses) expect(use).toMatch(/^uses: actions\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/)
  })

  test('every job has only the rights that it needs, and the code does not keep the token', () => {
    expect(ci.permissions).toEqual({ contents: 'read' })
    for (const { permissions } of Object.values(ci.jobs)) expect(permissions).toBeUndefined()
    expect(release.permissions).toEqual({})
    expect(Object.entries(release.jobs).map(([name, { permissions }]) => [name, permissions])).toEqual([
      ['check', { contents: 'read' }],
      ['pack', { contents: 'read' }],
      ['npm', { 'id-token': 'write' }],
      ['image', { contents: 'read', packages: 'write' }],
      ['publish', { contents: 'write' }],
    ])
    for (const { steps = [], uses, 'timeout-minutes': minutes } of [ci, release].flatMap(({ jobs }) => Object.values(jobs))) {
      if (uses === undefined) expect(minutes).toBeLessThanOrEqual(60)
      for (const step of steps)
        if (step.uses?.startsWith('actions/checkout@')) expect(step.with).toEqual({ 'persist-credentials': false })
    }
  })

  test('CI runs .ci/run on Linux, and the two commands of the README on macOS and Windows', () => {
    expect(toCommands(ci.jobs.everything!)).toEqual(['.ci/run'])
    const [, block = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(read('README.md')) ?? []
    const [install, demo = ''] = block.trim().split('\n')
    expect(toCommands(ci.jobs.commands!)).toEqual([install, `node .ci/start.mjs ${demo.replace('npm run ', '')}`])
    expect(ci.jobs.commands?.strategy?.matrix.os.map((os) => os.split('-')[0])).toEqual(['macos', 'windows'])
    expect(ci.jobs.image?.strategy?.matrix.os).toEqual(['ubuntu-24.04', 'ubuntu-24.04-arm'])
  })

  test('a release runs CI first, and reaches npm only once the name is ours, with provenance and without a token', () => {
    expect(release.jobs.check?.uses).toBe('./.github/workflows/ci.yml')
    expect(release.jobs.npm?.if).toBe("vars.NPM_IS_OURS == 'true'")
    expect(toCommands(release.jobs.npm!).at(-1)).toMatch(/^npm publish --provenance /)
    expect(read('.github/workflows/release.yml')).not.toContain('secrets.')
  })

  test('every script that they name exists', () => {
    const scripts = workflows.flatMap((path) => read(path).match(/\.ci\/[\w.-]+/g) ?? [])
    expect(scripts.length).toBeGreaterThan(4)
    for (const script of scripts) expect(existsSync(root + script), script).toBe(true)
  })
})

test('a report of a mistake needs the output of sluice check', () => {
  const { body } = parse(read('.github/ISSUE_TEMPLATE/bug.yml')) as {
    body: { id?: string; attributes: { label?: string }; validations?: { required: boolean } }[]
  }
  expect(body.find(({ id }) => id === 'check')).toMatchObject({
    attributes: { label: 'Output of `sluice check`' },
    validations: { required: true },
  })
})

describe('.ci/pack.sh, in a copy', () => {
  const { version } = packageJson
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
    const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root })
    for (const file of new Set(stdout.split('\0').filter((name) => name && existsSync(root + name)))) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      cpSync(root + file, join(folder, file))
    }
    symlinkSync(`${root}node_modules`, join(folder, 'node_modules'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function pack(tag: string, date = '2026-12-01') {
    const text = read('CHANGELOG.md').replace(/^(## .* – ).*$/m, (_, version: string) => version + date)
    writeFileSync(join(folder, 'CHANGELOG.md'), text)
    return run('.ci/pack.sh', [tag, 'release'], { cwd: folder })
  }

  test('makes the package, its SBOM, the notes and right checksums', { timeout: 120_000 }, async () => {
    await pack(`v${version}`)
    const made = join(folder, 'release')
    const files = [`sluice-${version}.spdx.json`, `sluice-${version}.tgz`]
    expect(readdirSync(made).toSorted()).toEqual(['SHA256SUMS', 'notes.md', ...files].toSorted())
    const sums = readFileSync(join(made, 'SHA256SUMS'), 'utf8').trim().split('\n')
    for (const file of files) {
      const sum = createHash('sha256')
        .update(readFileSync(join(made, file)))
        .digest('hex')
      expect(sums).toContain(`${sum}  ./${file}`)
    }
    const { spdxVersion, packages } = JSON.parse(readFileSync(join(made, files[0]!), 'utf8')) as {
      spdxVersion: string
      packages: { name: string; versionInfo: string }[]
    }
    expect(spdxVersion).toMatch(/^SPDX-2/)
    for (const [name, versionInfo] of Object.entries(packageJson.dependencies))
      expect(packages).toContainEqual(expect.objectContaining({ name, versionInfo }))
    const names = packages.map(({ name }) => name)
    expect(names).toContain('@redis/client')
    expect(names).not.toContain('vitest')
    const notes = readFileSync(join(made, 'notes.md'), 'utf8')
    expect(notes).toContain('This is the first version.')
    expect(notes).not.toMatch(/^## /m)
  })

  test('refuses a tag of another version, and a version without a date', async () => {
    await expect(pack('v9.9.9')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('package.json has') })
    await expect(pack(`v${version}`, 'unreleased')).rejects.toMatchObject({ stderr: expect.stringContaining('YYYY-MM-DD') })
  })
})
