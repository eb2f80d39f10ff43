import { setTimeout as sleep } from 'node:timers/promises'
import { askToResume, read, readAll, type Reader } from '../runtimes/reader.ts'
import { toFrames, toRecorded, toRunPath } from '../runtimes/resumable.ts'
import type { Fate, SoakStage } from './stage.ts'

/** A viewer that has no end by then counts as hanging. */
const longMs = 40_000

/** How a stream has ended: `done`, the code of its failure, or nothing. */
function toTerminal(text: string): string | undefined {
  const { event, data = '{}' } = toFrames(text).at(-1) ?? {}
  const { done, code } = JSON.parse(data) as { done?: boolean; code?: string }
  return event === 'failed' ? code : done ? 'done' : undefined
}

/** Reads a run at a process that does not make it. Undefined if it does not know the run. */
async function view(server: { readonly url: string }, run: string): Promise<Reader | undefined> {
  // The others know a run some milliseconds after its reader.
  for (let tries = 0; tries < 20; tries++) {
    const reader = read(server, { path: run })
    const { status } = await reader.head
    if (status === 200) return reader
    await reader.ended
    if (![204, 404, 410, 503].includes(status)) throw new Error(`A viewer elsewhere gets ${status}: ${reader.text}`)
    if (status === 204) return undefined
    await sleep(10)
  }
  return undefined
}

/**
 * Requests a resumable answer, and reads it at the other process, too. Some readers leave or stop
 * the answer there. Both must have the same bytes, or the viewer has fewer and a failure.
 */
export async function share(stage: SoakStage): Promise<Fate> {
  const { random, servers, models } = stage
  const [one, other] = random(2) === 0 ? servers : servers.toReversed()
  const startedAt = performance.now()
  const first = askToResume({ server: one! }, random.pick([models.paced, models.quick]), { headers: { prefer: 'resume=2' } })
  const head = await first.head
  if (head.status !== 200) {
    await first.ended
    if (!stage.wasAwaySince(startedAt)) throw new Error(`A resumable answer is ${head.status}: ${first.text}`)
    return 'refused'
  }
  if (head.headers['content-location'] === undefined) {
    // Redis is away, or slow, because the machine is busy.
    await first.ended
    return toTerminal(first.text) === 'done' ? 'done' : 'failed'
  }
  const run = toRunPath(head)
  const viewer = await view(other!, run)
  if (!viewer && !stage.wasStoreAwaySince(startedAt)) throw new Error(`Nobody knows ${run} elsewhere`)
  const how = random(4)
  if (how === 0) {
    await sleep(random(300))
    first.leave(random.pick(['fin', 'reset']))
  } else if (how === 1) {
    await sleep(random(300))
    const { status, text } = await readAll(read(other!, { path: run, method: 'DELETE' }))
    if (![204, 404].includes(status) && !stage.wasStoreAwaySince(startedAt)) throw new Error(`A stop is ${status}: ${text}`)
  }
  const ends = await Promise.race([Promise.all([first.ended, viewer?.ended]), sleep(longMs)])
  if (!ends) throw new Error(`A viewer has no end: ${run} ${viewer?.text.slice(-300)}`)
  const [whole, seen] = [toRecorded(first.text), toRecorded(viewer?.text ?? '')]
  if (how !== 0 && toTerminal(whole) === undefined) throw new Error(`A first reader has no terminal: ${whole.slice(-300)}`)
  if (!viewer) return 'left'
  const terminal = toTerminal(seen)
  if (terminal === undefined) throw new Error(`A viewer has no terminal: ${ends[1]} ${seen.slice(-300)}`)
  // A reader that leaves has fewer frames, and perhaps half of one.
  const had = how === 0 ? whole.slice(0, whole.lastIndexOf('\n\n') + 2) : whole
  const isSame = seen === whole || (how === 0 && seen.startsWith(had))
  const told = seen.slice(0, Math.max(0, seen.lastIndexOf('event: failed\n')))
  // A stop erases an answer that is finished, even if the viewer has not read it.
  const mayLose = stage.wasStoreAwaySince(startedAt) || (how === 1 && terminal === 'log_dropped')
  const isHonest = terminal !== 'done' && mayLose && (whole.startsWith(told) || (how === 0 && told.startsWith(had)))
  if (!isSame && !isHonest) throw new Error(`A viewer has other bytes: ${run} ${seen.slice(-300)} | ${whole.slice(-300)}`)
  return how === 0 ? 'left' : terminal === 'done' ? 'done' : 'failed'
}
