import { setTimeout as sleep } from 'node:timers/promises'
import { align } from '../lab/align.ts'
import { createRandom } from '../random.ts'
import { pickAct } from './acts.ts'
import { parseOptions } from './options.ts'
import { countDescriptors, takeSample, toSlope, type Sample } from './samples.ts'
import { setStage, type Fate } from './stage.ts'

/**
 * Runs all actions in parallel for minutes. Fails if the heap or the descriptors grow, a stream
 * stays open, or an answer has no terminal (CONTRIBUTING.md).
 */

const atOnce = 60
const restCount = 20
/**
 * How fast the heap may grow, in MB per hour. Before the comparison, twice the standard error is
 * subtracted from the measured slope.
 */
const maxSlope = 1
const idleLimitMs = 15_000

process.on('uncaughtException', (error) => {
  console.error(error)
  process.exit(1)
})
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.exit(1))
const options = parseOptions(process.argv.slice(2))
const { minutes, runtime, seed, redis } = options
const random = createRandom(seed)
const stage = await setStage(options, random)
const startedAt = performance.now()
const seconds = () => (performance.now() - startedAt) / 1000
console.log(`${minutes} min on ${redis ? 'two processes of ' : ''}${runtime}, ${atOnce} at once, seed ${seed}`)

const fates: Record<Fate | 'lost', number> = { done: 0, failed: 0, refused: 0, left: 0, cut: 0, lost: 0 }
const lost: string[] = []
const failures: string[] = []
const samples: Sample[] = []
let restarts = 0
let storeRestarts = 0
const over = new AbortController()
let requests = 0

async function act() {
  requests++
  try {
    fates[await pickAct(stage)(stage)]++
  } catch (error) {
    fates.lost++
    lost.push(String(error))
  }
}

/**
 * Puts load on the server for `ms`. Each reader performs one action after another, and the upstream
 * restarts now and then.
 */
async function load(ms: number) {
  const endsAt = performance.now() + ms
  const isOver = () => performance.now() >= endsAt
  async function restartNowAndThen() {
    while (!isOver()) {
      await sleep(Math.min(2000 + random(6000), endsAt - performance.now()))
      if (isOver()) return
      await stage.restart(random(300))
      restarts++
    }
  }
  async function read() {
    while (!isOver()) {
      await act()
      await sleep(random(200))
    }
  }
  await Promise.all([restartNowAndThen(), ...Array.from({ length: atOnce }, read)])
}

/** Kills Redis each minute, or three times in a shorter run. */
async function restartStore() {
  const everyMs = Math.min(60_000, (minutes * 60_000) / 4)
  while (!over.signal.aborted) {
    await sleep(everyMs, undefined, over).catch(() => {})
    if (over.signal.aborted) return
    await stage.restartStore(random(3000))
    storeRestarts++
  }
}

/** Waits until the descriptors are as few as in the lowest sample, or do not change for 3 s. */
async function settle() {
  const lowest = Math.min(...samples.map(({ descriptors }) => descriptors))
  let last = NaN
  for (let same = 0; same < 30;) {
    await sleep(100)
    const count = countDescriptors(stage)
    if (count <= lowest) return
    same = count === last ? same + 1 : 0
    last = count
  }
}

/**
 * Waits until no upstream stream is open. Then stops the upstream, takes a sample, and starts the
 * upstream again.
 */
async function rest(): Promise<Sample> {
  const until = performance.now() + idleLimitMs
  while (stage.upstream.open > 0 && performance.now() < until) await sleep(50)
  const { open } = stage.upstream
  await stage.upstream.stop()
  await settle()
  const sample = await takeSample(stage, open, { at: seconds(), requests })
  stage.upstream.forget()
  await stage.upstream.start()
  return sample
}

function judge(keys: readonly string[]) {
  const second = samples.slice(Math.ceil(samples.length / 2))
  const [first, last] = [samples[0]!, samples.at(-1)!]
  // With fewer than five samples, the slope would be meaningless.
  if (second.length >= 5 && runtime !== 'worker') {
    const { slope, error } = toSlope(second, ({ heapMb }) => heapMb)
    console.log(`heap: ${slope.toFixed(2)} ± ${(2 * error).toFixed(2)} MB an hour over the second half`)
    if (slope - 2 * error > maxSlope) failures.push('the heap grows')
  }
  if (last.descriptors > first.descriptors) failures.push(`descriptors: ${last.descriptors}, and ${first.descriptors} at first`)
  const open = Math.max(...samples.map(({ openStreams }) => openStreams))
  if (open > 0) failures.push(`open upstream streams: ${open} at rest`)
  if (fates.lost > 0)
    failures.push(`lost terminals: ${fates.lost}`, ...new Set(lost.slice(0, 20).map((text) => text.slice(0, 400))))
  if (stage.upstream.strangers.length > 0)
    failures.push(`the upstream was asked ${stage.upstream.strangers.slice(0, 5).join(', ')}`)
  for (const server of stage.servers) {
    const errors = server.errors().replace(/^Redis is (?:down|well again)\b.*\n/gm, '')
    if (errors !== '') failures.push(`stderr: ${errors.slice(0, 2000)}`)
  }
  if (keys.length > 0) failures.push(`keys left in Redis: ${keys.slice(0, 5).join(', ')}, ${keys.length} in all`)
}

const toRow = ({ at, requests, heapMb, rssMb, descriptors, openStreams }: Sample) => [
  at.toFixed(0),
  String(requests),
  heapMb.toFixed(2),
  rssMb.toFixed(0),
  String(descriptors),
  String(openStreams),
]

const restEveryMs = Math.max((minutes * 60_000) / restCount, 2000)
await load(1000)
samples.push(await rest())
const restarting = redis && restartStore()
const until = performance.now() + minutes * 60_000
while (performance.now() < until) {
  await load(Math.min(restEveryMs, until - performance.now()))
  samples.push(await rest())
}

over.abort()
await restarting

console.log(align([['s', 'requests', 'heap MB', 'RSS MB', 'descriptors', 'open upstream'], ...samples.map(toRow)]))
console.log(
  `${restarts} restarts${redis ? ` of Ollama, ${storeRestarts} of Redis` : ''}; ${Object.entries(fates)
    .map(([fate, count]) => `${count} ${fate}`)
    .join(', ')}`,
)
judge(await stage.stop())
await stage.upstream.close()
for (const failure of failures) console.log(failure)
console.log(failures.length === 0 ? 'nothing grows, nothing stays open, nothing is lost' : 'failed')
process.exit(failures.length === 0 ? 0 : 1)
