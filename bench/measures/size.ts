import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Measure } from '../measure.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))

/** Kilobytes (1,000 bytes), gzipped, of what `wrangler deploy` would send. */
async function bundleKb(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  try {
    await run(join(root, 'node_modules/.bin/wrangler'), ['deploy', '--dry-run', '--outdir', folder], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
      timeout: 60_000,
    })
    return gzipSync(await readFile(join(folder, 'worker.js'))).length / 1000
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What is deployed and what is depended on. No server runs. */
export const size: Measure = {
  name: 'size',
  title: 'Worker bundle of `wrangler deploy`, gzipped; direct production dependencies',
  columns: [
    { key: 'kb', title: 'kB', digits: 1 },
    { key: 'dependencies', title: 'dependencies' },
  ],
  rows: ['sluice-worker'],
  async run(lab, names) {
    if (!names.includes('sluice-worker')) return {}
    try {
      const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { dependencies: object }
      return { 'sluice-worker': { kb: await bundleKb(), dependencies: Object.keys(dependencies).length } }
    } catch (error) {
      lab.failures.push(`size: ${String(error)}`)
      return {}
    }
  },
}
