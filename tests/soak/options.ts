import { parseArgs } from 'node:util'
import type { RuntimeName } from '../runtimes/server.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly runtime: RuntimeName
  readonly seed: number
  /** Whether two processes share a Redis. */
  readonly redis: boolean
}

const runtimes = ['node', 'bun', 'worker'] as const

const usage = `npm run soak -- [OPTIONS]

  --minutes N      how long, 10 unless told
  --runtime NAME   ${runtimes.join(', ')}; node unless told
  --redis          two processes that share a Redis, which is killed and started again each minute
  --seed N         of what happens when; another one each time unless told`

/**
 * Parses the command line. `--help` ends the process.
 * @throws Error whose message explains the mistake
 */
export function parseOptions(args: string[]): SoakOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      runtime: { type: 'string', default: 'node' },
      seed: { type: 'string', default: String(Date.now() % 1e9) },
      redis: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Error(`Cannot run for '${values.minutes}' minutes`)
  const runtime = runtimes.find((name) => name === values.runtime)
  if (!runtime) throw new Error(`Cannot find '${values.runtime}': known are ${runtimes.join(', ')}`)
  if (values.redis && runtime === 'worker') throw new Error('Cannot share a Redis on workerd')
  return { minutes, runtime, seed: Number(values.seed), redis: values.redis }
}
