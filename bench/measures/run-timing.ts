import { createHash, randomBytes } from 'node:crypto'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { openWithStreamSSE } from '../../src/relay/sink.ts'
import { createMemoryLogs } from '../../src/streams/memory-log.ts'
import type { Measure } from '../measure.ts'
import { toWelchT } from './welch.ts'

const SAMPLES = 50_000
const RUNS = 20

const toHash = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** Starts an app with the keys `a` and `b`, in front of the emulator. */
function startApp() {
  const config = parseConfig({
    SLUICE_DEMO: '1',
    SLUICE_API_KEYS: `a:${toHash('a')},b:${toHash('b')}`,
    SLUICE_RESUME_KEEP_SECONDS: '3600',
  })
  const app = createApp({ config, open: openWithStreamSSE, logs: createMemoryLogs(config.resume) })
  return (key: string, path: string, init: RequestInit = {}) => {
    const headers = { host: '127.0.0.1', authorization: `Bearer ${key}`, prefer: 'resume' }
    return app.fetch(new Request(`http://127.0.0.1${path}`, { ...init, headers }))
  }
}

/**
 * Measures whether the time of a 404 shows that another caller has a stream with this id. It runs
 * in this process, because the noise of a whole server would hide the difference.
 */
export const runTiming: Measure = {
  name: 'run-timing',
  title: `GET /streams/:run of another key's stream, against an unknown one; Welch's |t| over ${SAMPLES} requests`,
  columns: [{ key: 't', title: '|t|', digits: 2 }],
  rows: ['sluice-node'],
  async run(_lab, names) {
    if (!names.includes('sluice-node')) return {}
    const ask = startApp()
    const startRun = async (): Promise<Buffer> => {
      const answer = await ask('a', '/chat', { method: 'POST', body: JSON.stringify({ text: 'What is Sluice?' }) })
      return Buffer.from(answer.headers.get('content-location')?.slice('/streams/'.length) ?? '', 'hex')
    }
    const others = await Promise.all(Array.from({ length: RUNS }, startRun))
    // Both kinds are asked equally often, because some caches know a path that was asked before.
    const unknown = Array.from({ length: RUNS }, () => randomBytes(16))
    const times: { others: number[]; unknown: number[] } = { others: [], unknown: [] }
    for (let i = -SAMPLES / 10; i < SAMPLES; i++) {
      const isOthers = Math.random() < 0.5
      // Each id is a new string, because V8 keeps the hash of a string.
      const path = `/streams/${(isOthers ? others : unknown)[Math.floor(Math.random() * RUNS)]!.toString('hex')}`
      const start = process.hrtime.bigint()
      const { status } = await ask('b', path)
      const ns = Number(process.hrtime.bigint() - start)
      if (status !== 404) throw new Error(`Cannot measure: the server answered ${status}`)
      if (i >= 0) times[isOthers ? 'others' : 'unknown'].push(ns)
    }
    return { 'sluice-node': { t: toWelchT(times.others, times.unknown) } }
  },
}
