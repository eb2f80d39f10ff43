import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { toPython } from './python.ts'

/** The result of calling a function of a program (`clients/calls.py`). */
export interface Outcome {
  /** All values that the function has yielded. */
  readonly got: unknown[]
  /** The exception that ended the function, if there was one. */
  readonly raised: Raised | undefined
}

/** A Python exception. `status` is its HTTP status, if it has one. */
export interface Raised {
  readonly type: string
  readonly message: string
  readonly status: number | null
}

/**
 * Calls a function of a program. Only one call runs at a time. The call passes all values so far to
 * `onGot` after each value, and waits for `onGot`.
 * @throws Error with the program's output if the program ends
 */
export type Call = (name: string, model: string, onGot?: (got: readonly unknown[]) => void | Promise<void>) => Promise<Outcome>

/** A program of `clients/` in a process of its own. */
export interface Program {
  readonly call: Call
  stop(): Promise<void>
}

type Said = { got: unknown } | { ended: 'returned' } | ({ ended: 'raised' } & Raised)

/**
 * Starts a program with only the PATH of our environment. Its functions receive Sluice's `url` and
 * send the key.
 */
export function startProgram(file: string, url: string, key = 'none'): Program {
  const path = fileURLToPath(new URL(`clients/${file}`, import.meta.url))
  const child = spawn(toPython(), ['-B', path], { env: { PATH: process.env.PATH, PYTHONUTF8: '1', KEY: key } })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let complaint = ''
  child.stderr.on('data', (data: Buffer) => (complaint += data.toString()))
  const exited = once(child, 'exit')
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

  return {
    async call(name, model, onGot) {
      child.stdin.write(`${JSON.stringify({ call: name, arguments: { url, model } })}\n`)
      const got: unknown[] = []
      for (;;) {
        const line = await said.next()
        if (line.done) throw new Error(`Cannot call ${name} of ${file}: it has ended\n${complaint}`)
        const event = JSON.parse(line.value) as Said
        if ('got' in event) {
          got.push(event.got)
          await onGot?.(got)
        } else return { got, raised: event.ended === 'raised' ? event : undefined }
      }
    },
    async stop() {
      child.stdin.end()
      await exited
      process.off('exit', kill)
    },
  }
}
