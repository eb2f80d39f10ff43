import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nowMs } from './clock.ts'
import { judge, type Results } from './figures.ts'
import { diffHeap } from './heap/heap.ts'
import { startLab } from './lab.ts'
import { abort } from './measures/abort.ts'
import { cold } from './measures/cold.ts'
import { crowd } from './measures/crowd.ts'
import { dialects } from './measures/dialects.ts'
import { fairness } from './measures/fairness.ts'
import { flat } from './measures/flat.ts'
import { guards } from './measures/guards.ts'
import { keyTiming } from './measures/key-timing.ts'
import { paced } from './measures/paced.ts'
import { page } from './measures/page.ts'
import { redis } from './measures/redis.ts'
import { resume } from './measures/resume.ts'
import { runTiming } from './measures/run-timing.ts'
import { size } from './measures/size.ts'
import { stalled } from './measures/stalled.ts'
import { parseOptions } from './options.ts'
import type { RowName } from './rows/rows.ts'
import { toLines, toTable } from './table.ts'

/** After this time the bench prints the results so far and exits. A normal run is shorter. */
const LIMIT_MS = 3_600_000

// Prints an uncaught error, such as the error for a mistyped option, in one line without a stack
// trace.
process.on('uncaughtException', (error) => {
  console.error(String(error))
  process.exit(1)
})
const options = parseOptions(process.argv.slice(2), [
  paced,
  flat,
  dialects,
  guards,
  keyTiming,
  runTiming,
  fairness,
  abort,
  resume,
  redis,
  crowd,
  stalled,
  cold,
  size,
  page,
])

const startMs = nowMs()
const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version, load: loadavg() }
const seconds = (): number => Math.round((nowMs() - startMs) / 1000)
console.log(
  `${machine.cpus} × ${machine.cpu}, Node ${machine.node}, load ${machine.load[0]?.toFixed(2)}. CPU is the server process's alone. Numbers vary; ratios less.`,
)

/** The rows of the measures that this machine cannot run. */
const leftOut: RowName[] = []
if (!options.against) leftOut.push('against')
if (options.olla === undefined) leftOut.push('olla')
if (options.olla === undefined && options.rows === undefined) {
  console.log('The row olla is left out of every table: no olla is on the PATH, and there is no --olla FILE (--help)')
}

const results: Results = {}
const lab = await startLab(options)
process.on('exit', () => lab.stop())
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.exit(1))
setTimeout(() => {
  lab.failures.push(`Cannot finish: the bench took more than ${LIMIT_MS / 1000} s`)
  finish()
}, LIMIT_MS)

if (options.against) {
  const { host, port, path } = options.against
  console.log(`against: POST ${path} at ${host}:${port}, which has to have ${lab.upstreamUrl} behind it`)
}
if (options.heap) {
  for (const name of options.rows ?? ['sluice-node' as const]) console.log((await diffHeap(lab, name)) ?? '')
  for (const failure of lab.failures) console.log(failure)
  process.exit(lab.failures.length > 0 ? 1 : 0)
}

for (const measure of options.measures) {
  const rows = (options.rows ?? measure.rows).filter((name) => !leftOut.includes(name))
  const measured = await measure.run(lab, rows)
  results[measure.name] = measured
  console.log(toTable(measure, measured))
}
finish()

/** Prints and writes the results so far, then ends the process. */
function finish(): never {
  const name = new Date().toISOString().replaceAll(':', '-')
  const file = options.json ?? fileURLToPath(new URL(`./results/${name}.json`, import.meta.url))
  const verdicts = judge(results, options.rows)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(
    file,
    JSON.stringify({ machine, seconds: seconds(), leftOut, results, verdicts, failures: lab.failures }, null, 2),
  )
  if (verdicts.length > 0) console.log(toLines(verdicts))
  for (const failure of lab.failures) console.log(`\n${failure}`)
  console.log(`\n${seconds()} s, written to ${file}`)
  process.exit(lab.failures.length > 0 ? 1 : 0)
}
