import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab.ts'
import type { Measure, Measured } from '../measure.ts'
import { rssKbOf } from '../process-stats.ts'
import type { RowName } from '../rows/rows.ts'

const STREAMS = 1_000
const WARM_STREAMS = 50
const SETTLE_MS = 1_500
/** V8 collects what opening has left some seconds after it: that is no cost of being idle. */
const REST_MS = 8_000
const WINDOW_MS = 10_000

async function measureRow(lab: Lab, name: RowName): Promise<Record<string, number> | undefined> {
  return lab.withRow(name, {}, async (server) => {
    const warm = await lab.read(server, 'idle', WARM_STREAMS)
    await warm.waitFirst(5_000)
    await warm.close()
    await sleep(SETTLE_MS)
    const beforeKb = rssKbOf(server.pid)

    const crowd = await lab.read(server, 'idle', STREAMS)
    const { firstsMs } = await crowd.waitFirst(10_000)
    await sleep(REST_MS)
    const { cpuMs, ms } = await crowd.sample(WINDOW_MS)
    const afterKb = rssKbOf(server.pid)

    const further = await lab.read(server, 'idle', STREAMS)
    await further.waitFirst(10_000)
    await sleep(SETTLE_MS)
    const furtherKb = rssKbOf(server.pid)
    await crowd.close()
    await further.close()
    return {
      open: firstsMs.length,
      rss: (afterKb - beforeKb) / STREAMS,
      further: (furtherKb - afterKb) / STREAMS,
      cpu: (cpuMs * 1000) / ms,
    }
  })
}

/** What a stream costs by being there: a head and one token came, now Ollama is silent. Heartbeats at their default interval included. */
export const idle: Measure = {
  name: 'idle',
  title: `${STREAMS} idle streams: RSS growth per stream, CPU per second over ${WINDOW_MS / 1000} s in all; one round`,
  columns: [
    { key: 'open', title: 'open at once' },
    { key: 'rss', title: 'RSS KB/stream', digits: 1, hasRatio: true },
    // The first thousand include what a fresh process needs once: code, caches, a larger young generation.
    { key: 'further', title: `of ${STREAMS} further`, digits: 1, hasRatio: true },
    { key: 'cpu', title: 'CPU ms/s', digits: 1 },
  ],
  rows: ['pipe', 'sluice-node', 'sluice-bun', 'sluice-worker'],
  async run(lab, names) {
    const measured: Measured = {}
    for (const name of names) {
      const figures = await measureRow(lab, name)
      if (figures) measured[name] = figures
    }
    return measured
  },
}
