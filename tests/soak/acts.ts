import { setTimeout as sleep } from 'node:timers/promises'
import { flatOut } from '#fake-ollama/scripts.ts'
import { mutateJson } from '../fuzz/mutate.ts'
import { read, readRaw, type Leave, type Reader } from '../runtimes/reader.ts'
import { surfaces, toEnding, type Surface } from '../surfaces.ts'
import { share } from './share.ts'
import type { Fate, SoakStage } from './stage.ts'

/** A step that takes longer than this counts as hanging, even on a busy machine. */
const longMs = 40_000

/**
 * One action of a reader.
 * @throws Error for an outcome that is not allowed, such as a lost terminal
 */
type Act = (stage: SoakStage) => Promise<Fate>

const generating = surfaces.filter(({ endpoint }) => endpoint !== undefined)
const streaming = generating.map((surface) => ({ ...surface, body: { ...surface.body, ...surface.streams } }))
const isStream = ({ streams }: Surface) => streams !== undefined

function ask({ servers, random }: SoakStage, surface: Surface, model: string, headers: Record<string, string> = {}): Reader {
  const accept = random.pick(['text/event-stream', 'application/x-ndjson'])
  return read(random.pick(servers), { path: surface.path, body: { ...surface.body, model }, headers: { accept, ...headers } })
}

/**
 * Returns a model that succeeds on this surface. For a route that answers a small question, the
 * model has recorded answers.
 */
function toModel({ random, models }: SoakStage, { endpoint }: Surface): string {
  return endpoint ? random.pick([models.quick, models.paced]) : 'gemma3:270m'
}

/** Reads an answer to its end, and returns how it ended. The answer must be complete. */
async function toFate(reader: Reader, surface: Surface): Promise<'done' | 'failed' | 'refused'> {
  const { status, headers } = await reader.head
  const ended = await reader.ended
  if (ended === 'broken') throw new Error(`Broken off: ${surface.path} ${reader.text.slice(-300)}`)
  if (reader.text.includes('inside Sluice')) throw new Error(`An error of our own: ${surface.path} ${reader.text.slice(-300)}`)
  return toEnding(surface, { status, contentType: headers['content-type'], text: reader.text })
}

const whole: Act = async (stage) => {
  const surface = stage.random.pick([...surfaces, ...streaming].filter(({ path }) => !path.endsWith('count_tokens')))
  const startedAt = performance.now()
  const reader = ask(stage, surface, toModel(stage, surface))
  const fate = await toFate(reader, surface)
  if (fate !== 'done' && !stage.wasAwaySince(startedAt))
    throw new Error(`No success: ${surface.path} ${reader.text.slice(-300)}`)
  return fate
}

const faulty: Act = async (stage) => {
  const { fault, model } = stage.random.pick(stage.faults)
  // A line of 50 MB takes long, so this fault is chosen rarely (docs/faults.md#F12).
  if (fault.id === 'F12' && stage.random(20) > 0) return faulty(stage)
  const surface = stage.random.pick([...generating, ...streaming])
  const startedAt = performance.now()
  const fate = await toFate(ask(stage, surface, model), surface)
  const isHarmless = 'same' in fault.expect
  // When a body breaks, Bun's fetch drops the bytes that it has not delivered. So Bun loses
  // the done line if the FIN arrives together with this line.
  const mayFail = 'orCode' in fault.expect || (stage.server.runtime === 'bun' && fault.name.startsWith('FIN'))
  if (fate === 'done' && !isHarmless) throw new Error(`A success in spite of ${fault.id} ${fault.name}: ${surface.path}`)
  if (fate !== 'done' && isHarmless && !mayFail && !stage.wasAwaySince(startedAt))
    throw new Error(`A failure for ${fault.id} ${fault.name}: ${surface.path}`)
  return fate
}

const leaving: Act = async (stage) => {
  const { random, models, server } = stage
  const surface = random.pick([...generating, ...streaming])
  const reader = ask(stage, surface, random.pick([models.paced, models.paced, models.silent, models.silent, models.endless]))
  await sleep(random(500))
  // workerd does not treat a half-close as a disconnect (docs/hazards.md#13).
  reader.leave(random.pick<Leave>(server.runtime === 'worker' ? ['fin', 'reset'] : ['fin', 'reset', 'half-close']))
  if (await Promise.race([reader.ended, sleep(10_000)])) return 'left'
  reader.leave('reset')
  throw new Error(`A reader that left was not let go: ${surface.path} ${reader.text.slice(-300)}`)
}

const stalling: Act = async (stage) => {
  const surface = stage.random.pick(streaming.filter(isStream))
  const model = stage.upstream.script(flatOut({ linesPerChunk: 50 }))
  const asked = stage.upstream.next(model, 10_000).catch(() => undefined)
  const reader = ask(stage, surface, model)
  await reader.until((text) => text.length > 0, longMs).catch(() => {})
  reader.pause()
  const seen = reader.isEnded ? undefined : await asked
  if (!seen) {
    // There is no stream to stall, because the upstream was stopped.
    reader.resume()
    return toFate(reader, surface)
  }
  // The kernel's buffers must fill first. The stall limit starts only then.
  const isOver = await Promise.race([seen.exchange.ended.then(() => true), sleep(longMs, false)])
  await sleep(100)
  reader.resume()
  const ended = await Promise.race([reader.ended, sleep(10_000)])
  if (ended === 'broken' && isOver) return 'cut'
  reader.leave('reset')
  // The upstream may have died before the stall limit passed.
  if (ended === 'clean' && isOver) return 'failed'
  const state = `upstream ${isOver ? 'closed' : 'open'}, ${reader.byteCount} bytes, ${ended ?? 'not ended'}`
  throw new Error(`A reader that took nothing was not cut: ${surface.path}, ${state}`)
}

const cancelled: Act = async (stage) => {
  const surface = stage.random.pick(streaming)
  const id = `soak-${stage.random(1e9)}`
  const reader = ask(stage, surface, stage.models.paced, { 'x-request-id': id })
  await sleep(stage.random(600))
  const cancelling = read(stage.server, { path: `/ollama/cancel/${id}` })
  const [{ status }] = await Promise.all([cancelling.head, cancelling.ended])
  if (status !== 204 && status !== 404) throw new Error(`Cancelling is ${status}`)
  return toFate(reader, surface)
}

const spoilt: Act = async (stage) => {
  const surface = stage.random.pick(surfaces)
  const model = toModel(stage, surface)
  const body = mutateJson(stage.random, { ...surface.body, model }, stage.random.pick(surfaces).body)
  const startedAt = performance.now()
  const reader = read(stage.server, { path: surface.path, body })
  const fate = await toFate(reader, surface)
  const { status } = await reader.head
  if ((fate === 'failed' || status >= 500) && !stage.wasAwaySince(startedAt))
    throw new Error(`${status}: ${surface.path} ${reader.text}`)
  return fate
}

const noRequests = [
  'POST /api/generate HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n{}',
  'POST /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'POST /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  'POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{"half',
]

const rude: Act = async ({ server, random }) => {
  const { socket, closed } = readRaw(server, random.pick(noRequests))
  await Promise.race([closed, sleep(random(1000))])
  socket.resetAndDestroy()
  return 'left'
}

/** The actions. The weight of an action is its share in percent. */
const acts: readonly (readonly [weight: number, act: Act])[] = [
  [40, whole],
  [18, faulty],
  [18, leaving],
  [2, stalling],
  [8, cancelled],
  [10, spoilt],
  [4, rude],
]

export function pickAct({ random, servers }: SoakStage): Act {
  if (servers.length > 1 && random(3) === 0) return share
  let at = random(100)
  return acts.find(([weight]) => (at -= weight) < 0)![1]
}
