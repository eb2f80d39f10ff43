import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../clock.ts'
import type { Lab } from '../lab.ts'
import type { RowName } from '../rows/rows.ts'
import type { RunningRow } from '../rows/running-row.ts'
import { align } from '../../tests/lab/align.ts'
import { readShares, type Share } from './snapshot.ts'

const STREAMS = 1_000
/** One stream more than the default, because a reader also checks that the snapshot is complete. */
const settings = { SLUICE_MAX_STREAMS: String(STREAMS + 1) }
const TOP = 25
const LIMIT_MS = 20_000
const SETTLE_MS = 2_000

/**
 * Makes Node collect all garbage and write a snapshot into `folder`. Resolves with the path of the
 * snapshot.
 * @throws Error if no snapshot comes in time
 */
async function takeSnapshot(lab: Lab, server: RunningRow, folder: string): Promise<string> {
  const before = new Set(readdirSync(folder))
  const newFile = (): string | undefined => readdirSync(folder).find((name) => !before.has(name))
  for (const pid of server.pids) process.kill(pid, 'SIGUSR2')
  await until(() => newFile() !== undefined, LIMIT_MS)
  const file = newFile()
  if (file === undefined) throw new Error('it wrote no heap snapshot')
  // Node answers no request until the snapshot is written. So when a reader gets a token, the file
  // is complete.
  const readers = await lab.read(server, 'paced', 1, { tokens: 1 })
  await readers.waitEnded(LIMIT_MS)
  await readers.close()
  return join(folder, file)
}

async function diff(lab: Lab, server: RunningRow, folder: string): Promise<string> {
  // The first crowd of readers fills caches and free lists and makes V8 compile the code. This
  // happens once per process, so it must not count as a cost of a stream.
  const warm = await lab.read(server, 'idle', STREAMS)
  await warm.waitFirst(LIMIT_MS)
  await warm.close()
  await warm.closedAtUpstream(LIMIT_MS)
  await sleep(SETTLE_MS)
  const before = await readShares(await takeSnapshot(lab, server, folder))

  const crowd = await lab.read(server, 'idle', STREAMS)
  const { firstsMs } = await crowd.waitFirst(LIMIT_MS)
  if (firstsMs.length < STREAMS) throw new Error(`${firstsMs.length} of ${STREAMS} streams opened`)
  const after = await readShares(await takeSnapshot(lab, server, folder))
  await crowd.close()
  return toTable(server.name, before, after)
}

function toTable(name: RowName, before: Map<string, Share>, after: Map<string, Share>): string {
  const grown = [...after].map(([constructor, { count, bytes }]) => {
    const { count: had = 0, bytes: hadBytes = 0 } = before.get(constructor) ?? {}
    return { constructor, count: (count - had) / STREAMS, bytes: (bytes - hadBytes) / STREAMS }
  })
  const total = grown.reduce((sum, { bytes }) => sum + bytes, 0)
  const lines = grown
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, TOP)
    .map(({ constructor, count, bytes }) => [constructor, count.toFixed(2), bytes.toFixed(0)])
  const table = align([['', 'per stream', 'bytes'], ...lines, ['all', '', total.toFixed(0)]])
  return `\nheap: ${name}, ${STREAMS} idle streams, SLUICE_MAX_STREAMS=${settings.SLUICE_MAX_STREAMS}, what is more than without them, per stream; the ${TOP} largest\n${table}`
}

/**
 * Measures which objects a stream adds to V8's heap. It takes snapshots without and with open
 * streams, and returns their difference by constructor as a table. The result is undefined if the
 * measurement failed or if the row does not run on Node. The table includes buffers and C++ objects
 * only if Node reports them to V8. It does not include the kernel's buffers.
 */
export async function diffHeap(lab: Lab, name: RowName): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  try {
    const nodeFlags = ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${folder}`]
    return await lab.withRow(name, { environment: settings, nodeFlags }, async (server) => {
      if (server.runtime !== 'node') throw new Error('Cannot take heap snapshots: it does not run on Node')
      return diff(lab, server, folder)
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
