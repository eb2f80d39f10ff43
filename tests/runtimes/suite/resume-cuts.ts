import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { createRandom } from '../../random.ts'
import { startCuttingProxy, type Cut, type CuttingProxy } from '../../cutting-proxy.ts'
import { askToResume, read, readAll, type Reader } from '../reader.ts'
import { toFrames, toRecorded, toRunPath } from '../resumable.ts'
import { useStage, type PairName, type RuntimeName } from '../server.ts'

/** The same seed always cuts at the same bytes. `RESUME_CUTS=10000` is the figure of the docs. */
const seed = Number(process.env.FUZZ_SEED ?? 1)
const count = Number(process.env.RESUME_CUTS ?? 100)

const cutsPerRun = 10
const runsAtATime = 10
const words = [' token', ' 汉字', '😀', '\n\n', '\r\n', ' a "quoted" word', '\\', ' data: x', 'é'.repeat(200)]

/** Drops what comes behind the last complete frame. */
const toComplete = (text: string) => text.replace(/(^|\n\n)(?:(?!\n\n).)*$/s, '$1')

/** Readers whose connections break at random bytes. */
export function describeResumeCuts(runtime: RuntimeName | PairName) {
  describe('connections that are cut at random bytes', () => {
    const stage = useStage(runtime, { SLUICE_GRACE_MS: '0', SLUICE_HEARTBEAT_MS: '100', SLUICE_RESUME_MAX_DETACHED: '1000' })
    const random = createRandom(seed)
    /** The cut of the next connection. The tests set it before they connect. */
    const cuts: Cut[] = []
    let proxy: CuttingProxy
    let cutCount = 0

    beforeAll(async () => {
      proxy = await startCuttingProxy(
        () => stage.server.port,
        () => cuts.shift()!,
      )
    })
    afterAll(() => proxy.close())

    /** Passes `byteCount` bytes, counted from the first one or from the end of the head. */
    function toCut(byteCount: number, isBehindHead: boolean): Cut {
      let isCut = false
      return (received) => {
        const head = isBehindHead ? received.indexOf('\r\n\r\n') + 4 : 0
        const end = isBehindHead && head === 3 ? received.byteLength : head + byteCount
        if (end < received.byteLength && !isCut) {
          isCut = true
          cutCount++
        }
        return Math.min(end, received.byteLength)
      }
    }

    /** Connects through the proxy. The next connection must not start before this one has. */
    let connecting = Promise.resolve()
    function connect(cut: Cut, ask: (through: { url: string }) => Reader): Promise<Reader> {
      const connected = connecting.then(async () => {
        cuts.push(cut)
        const reader = ask(proxy)
        while (cuts.length > 0) await new Promise((resolve) => setTimeout(resolve, 1))
        return reader
      })
      connecting = connected.then(() => {})
      return connected
    }

    /** Reads one answer over connections that break, and returns what all of them had together. */
    async function readInPieces(model: string) {
      const first = await connect(toCut(random(4000), true), (through) => askToResume({ server: through }, model))
      const run = toRunPath(await first.head)
      const id = run.slice('/streams/'.length)
      const whole = readAll(read(stage.server, { path: run }))
      let text = ''
      let ended = await first.ended
      text += toComplete(toRecorded(first.text))
      for (let connections = 1; ended === 'broken'; connections++) {
        const last = toFrames(text).at(-1)?.id
        const cut = toCut(connections < cutsPerRun ? random(4000) : Infinity, false)
        const reader = await connect(cut, (through) => {
          const how = random(3)
          if (last === undefined) return read(through, { path: run })
          if (how === 0) return read(through, { path: `${run}?after=${last.split('.')[1]}` })
          if (how === 1) return read(through, { path: run, headers: { 'last-event-id': last } })
          return askToResume({ server: through }, model, { headers: { 'last-event-id': last } })
        })
        ended = await reader.ended
        const { status } = await reader.head.catch(() => ({ status: 0 }))
        expect([0, 200, 204]).toContain(status)
        if (status === 200) text += toComplete(toRecorded(reader.text))
      }
      return { id, text, whole: (await whole).text }
    }

    test(
      `${count} cuts lose, double and reorder nothing, and cause no second generation (FUZZ_SEED=${seed}, RESUME_CUTS)`,
      { timeout: 20_000 + count * 200 },
      async () => {
        const isEnough = () => cutCount >= count
        async function repeat() {
          while (!isEnough()) {
            const model = stage.upstream.script(tokens({ count: 40, perSecond: 400, text: () => random.pick(words) }))
            const { id, text, whole } = await readInPieces(model)
            expect(text).toBe(toRecorded(whole))
            const frames = toFrames(text)
            expect(frames.map((frame) => frame.id)).toEqual(Array.from({ length: 41 }, (_, index) => `${id}.${index}`))
            expect(stage.upstream.requestsFor(model)).toHaveLength(1)
          }
        }
        await Promise.all(Array.from({ length: runsAtATime }, repeat))
        expect(cutCount).toBeGreaterThanOrEqual(count)
      },
    )
  })
}
