import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { toCodeBytes, toGzippedBytes } from '../../tests/lab/code-size.ts'
import type { Measure } from '../measure.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))

/** Makes the bundle that `npm run deploy` would send. */
async function bundle(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  try {
    await run('npm', ['run', 'deploy', '--', '--dry-run', '--outdir', folder], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
      timeout: 60_000,
    })
    return await readFile(join(folder, 'worker.js'), 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Measures the size of the deployed bundle and counts the dependencies. No server runs. */
export const size: Measure = {
  name: 'size',
  title: 'Worker bundle of `npm run deploy`, gzipped, without and with the browsers’ files; direct production dependencies',
  columns: [
    { key: 'kb', title: 'kB of code', digits: 1 },
    { key: 'allKb', title: 'kB in all', digits: 1 },
    { key: 'dependencies', title: 'dependencies' },
  ],
  rows: ['sluice-worker'],
  async run(lab, names) {
    if (!names.includes('sluice-worker')) return {}
    try {
      const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { dependencies: object }
      const worker = await bundle()
      return {
        'sluice-worker': {
          kb: toCodeBytes(worker) / 1000,
          allKb: toGzippedBytes(worker) / 1000,
          dependencies: Object.keys(dependencies).length,
        },
      }
    } catch (error) {
      lab.failures.push(`size: ${String(error)}`)
      return {}
    }
  },
}
