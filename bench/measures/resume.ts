import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../clock.ts'
import type { Lab } from '../lab.ts'
import type { Measure } from '../measure.ts'
import { measureEach } from '../measure-each.ts'
import { measurePaced, STREAMS } from '../measure-paced.ts'
import { read, startRun } from '../reader/run.ts'
import type { RunningRow } from '../rows/running-row.ts'
import { cpuMsOf, rssKbOf } from '../../tests/lab/process-stats.ts'
import { percentile } from '../../tests/lab/percentile.ts'

const ROUNDS = 5
const WARM_MS = 1_000
const VIEWERS = 1_000
const VIEWED_TOKENS = 20
const RESUMES = 200
/** 7,000 tokens are a log of a megabyte. */
const BACKLOG_TOKENS = 7_000
const STOPS = 500
const AT_ONCE = 100
const STOP_SPACING_MS = 4
/** 10,000 runs of 20 kB each. */
const RUNS = 10_000
const RUN_TOKENS = 128
const LIMIT_MS = 5_000
const settings = {
  SLUICE_MAX_STREAMS: '20000',
  SLUICE_RESUME_MAX_DETACHED: String(AT_ONCE),
}
/** The default of SLUICE_RESUME_KEEP_SECONDS, and some seconds for the timers. */
const EXPIRED_MS = 65_000

const median = (values: readonly number[]) => percentile(values, 50)

/** CPU of a token and a viewer, in microseconds, when many viewers read one run. */
async function measureViewers(lab: Lab, { target, pids }: RunningRow): Promise<number> {
  const seed = lab.nextSeed()
  const { stream, firstMs, leave } = await startRun(target, { mode: 'idle', seed, tokens: -1 })
  await firstMs
  const viewers = await Promise.all(Array.from({ length: VIEWERS }, () => read(target, 'GET', stream)))
  await Promise.all(viewers.map((viewer) => viewer.firstMs))
  await sleep(WARM_MS)
  const beforeMs = cpuMsOf(...pids)
  for (let token = 0; token < VIEWED_TOKENS; token++) {
    const arrived = Promise.all(viewers.map(({ response }) => new Promise((resolve) => response.once('data', resolve))))
    await lab.sendTokens(seed)
    await arrived
  }
  const cpuMs = cpuMsOf(...pids) - beforeMs
  for (const viewer of viewers) viewer.leave()
  leave()
  await read(target, 'DELETE', stream)
  return (cpuMs * 1000) / (VIEWERS * VIEWED_TOKENS)
}

/** Milliseconds from the GET of a reader who comes back to its first replayed event. */
async function measureResume(lab: Lab, { target }: RunningRow): Promise<number[]> {
  const { stream, firstMs, leave } = await startRun(target, { mode: 'idle', seed: lab.nextSeed(), tokens: -1 })
  await firstMs
  leave()
  const firsts: number[] = []
  for (let i = 0; i < RESUMES; i++) {
    const viewer = await read(target, 'GET', stream)
    firsts.push(await viewer.firstMs)
    viewer.leave()
  }
  await read(target, 'DELETE', stream)
  return firsts
}

/** Milliseconds to read a finished log of a megabyte, the median of ten times. */
async function measureBacklog(lab: Lab, { target }: RunningRow): Promise<number> {
  const { stream, ended } = await startRun(target, { mode: 'burst', seed: lab.nextSeed(), tokens: BACKLOG_TOKENS })
  await ended
  const times: number[] = []
  for (let i = 0; i < 10; i++) {
    const startMs = nowMs()
    const bytes = await (await read(target, 'GET', stream)).ended
    if (bytes < 1_000_000) throw new Error(`Cannot measure: the log has only ${bytes} bytes`)
    times.push(nowMs() - startMs)
  }
  return median(times)
}

/** Milliseconds from a DELETE to the close of the request to the upstream, for each run. */
async function measureStops(lab: Lab, { target }: RunningRow, phase: 'before' | 'detached'): Promise<number[]> {
  const latencies: number[] = []
  for (let done = 0; done < STOPS; done += AT_ONCE) {
    const seeds = Array.from({ length: AT_ONCE }, () => lab.nextSeed())
    const mode = phase === 'before' ? 'silent' : 'idle'
    const runs = await Promise.all(
      seeds.map(async (seed) => ({ seed, ...(await startRun(target, { mode, seed, tokens: -1 })) })),
    )
    if (phase === 'detached') {
      await Promise.all(runs.map(({ firstMs }) => firstMs))
      for (const { leave } of runs) leave()
      await sleep(WARM_MS)
    }
    const stoppedMs = new Map<number, number>()
    for (const { seed, stream } of runs) {
      stoppedMs.set(seed, nowMs())
      void read(target, 'DELETE', stream)
      await sleep(STOP_SPACING_MS)
    }
    const closed = await lab.closedAtUpstream(seeds[0]!, AT_ONCE, LIMIT_MS)
    latencies.push(...closed.map(([seed, atMs]) => atMs - stoppedMs.get(seed)!))
  }
  return latencies
}

/** The memory of many finished runs, and the heap when they have expired. */
async function measureKept(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const { target, pids } = server
  const emptyMb = await server.usedHeapMb()
  const emptyKb = rssKbOf(...pids)
  let bytes = 0
  for (let done = 0; done < RUNS; done += AT_ONCE) {
    const runs = Array.from({ length: AT_ONCE }, async () => {
      const { ended } = await startRun(target, { mode: 'burst', seed: lab.nextSeed(), tokens: RUN_TOKENS })
      const read = await ended
      bytes += read
    })
    await Promise.all(runs)
  }
  const grownMb = (rssKbOf(...pids) - emptyKb) / 1024
  await sleep(EXPIRED_MS)
  return { keptMb: bytes / 1e6, grownMb, overMb: grownMb - (1.5 * bytes) / 1e6, heapMb: (await server.usedHeapMb()) - emptyMb }
}

async function measureServer(lab: Lab, server: RunningRow): Promise<Record<string, number>> {
  const isPipe = server.name === 'pipe'
  const plain: number[] = []
  const asked: number[] = []
  await measurePaced(lab, server, [])
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(await measurePaced(lab, server, []))
    if (!isPipe) asked.push(await measurePaced(lab, server, ['Prefer: resume=1']))
  }
  // A token of the pipe has one reader.
  if (isPipe) return { plain: median(plain), viewer: median(plain) }
  const firsts = await measureResume(lab, server)
  const before = await measureStops(lab, server, 'before')
  const detached = await measureStops(lab, server, 'detached')
  return {
    plain: median(plain),
    asked: median(asked),
    askedRatio: median(asked.map((cpu, i) => cpu / plain[i]!)),
    viewer: await measureViewers(lab, server),
    resumeP50: median(firsts),
    backlogMs: await measureBacklog(lab, server),
    beforeP99: percentile(before, 99),
    detachedP99: percentile(detached, 99),
    missed: 2 * STOPS - before.length - detached.length,
    ...(await measureKept(lab, server)),
  }
}

/** Measures what it costs that a stream can be resumed, and how soon a stop stops. */
export const resume: Measure = {
  name: 'resume',
  title:
    `resume: paced tokens of ${STREAMS} streams without and with Prefer: resume, ${ROUNDS} alternating rounds; ${VIEWERS} viewers of one run; ` +
    `${RESUMES} resumes; a log of 1 MB; ${STOPS} stops before the first token and ${STOPS} while detached; ${RUNS} finished runs of 20 kB; Node and Bun with a probe of the heap`,
  settings,
  columns: [
    { key: 'plain', title: 'not asked µs/token', digits: 1 },
    { key: 'asked', title: 'asked µs/token', digits: 1 },
    { key: 'askedRatio', title: 'asked ÷ not', digits: 2 },
    { key: 'viewer', title: 'µs/token and viewer', digits: 1 },
    { key: 'resumeP50', title: 'resume p50 ms', digits: 1 },
    { key: 'backlogMs', title: '1 MB ms', digits: 1 },
    { key: 'beforeP99', title: 'stop before p99 ms', digits: 1 },
    { key: 'detachedP99', title: 'stop detached p99 ms', digits: 1 },
    { key: 'missed', title: 'missed stops' },
    { key: 'keptMb', title: 'kept MB' },
    { key: 'grownMb', title: 'RSS growth MB' },
    { key: 'overMb', title: 'growth − 1.5 × kept MB' },
    { key: 'heapMb', title: 'heap left MB', digits: 1 },
  ],
  rows: ['pipe', 'sluice-node', 'sluice-bun'],
  run: (lab, names) =>
    measureEach(lab, names, { environment: settings, tellsHeap: true }, (server) => measureServer(lab, server)),
}
