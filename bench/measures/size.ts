import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { Measure, Measured } from '../measure.ts'
import { bundleWorker } from '../rows/bundle-worker.ts'
import { rows } from '../rows/rows.ts'

const kbOf = (bytes: Uint8Array): number => gzipSync(bytes).length / 1000

/** What is deployed and what is depended on. Nothing runs here. */
export const size: Measure = {
  name: 'size',
  title: 'Worker bundle by esbuild, gzipped: as `wrangler deploy` sends it, and with --minify; direct production dependencies',
  columns: [
    { key: 'kb', title: 'kB', digits: 1 },
    { key: 'minifiedKb', title: 'minified kB', digits: 1 },
    { key: 'dependencies', title: 'dependencies' },
  ],
  rows: ['write-sse-worker', 'sluice-worker'],
  async run(lab, names) {
    const measured: Measured = {}
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      dependencies: object
    }
    for (const { name, entry, runtime } of rows) {
      if (runtime !== 'worker' || !names.includes(name)) continue
      try {
        measured[name] = {
          kb: kbOf(await bundleWorker(entry, { isMinified: false })),
          minifiedKb: kbOf(await bundleWorker(entry, { isMinified: true })),
          ...(name === 'sluice-worker' && { dependencies: Object.keys(manifest.dependencies).length }),
        }
      } catch (error) {
        lab.failures.push(`${name}: ${String(error)}`)
      }
    }
    return measured
  },
}
