import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Answer, Call, Calls } from './serve-calls.ts'

/** A process of the benchmark. `call` runs one of its functions. */
export interface Peer<T extends Calls<T>> {
  readonly pid: number
  call<K extends keyof T & string>(name: K, ...args: Parameters<T[K]>): Promise<Awaited<ReturnType<T[K]>>>
  readonly stop: () => void
}

/**
 * Starts `file` in a separate process, so that its CPU and RAM do not count as costs of the server
 * under test. A call rejects if the function throws, or if the process ends before it answers.
 */
export async function startPeer<T extends Calls<T>>(file: URL, ...args: string[]): Promise<Peer<T>> {
  const child = fork(file, args, { serialization: 'advanced' })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let lastId = 0

  child.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) caller?.reject(new Error(answer.error))
    else caller?.resolve(answer.result as never)
  })
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`Cannot call ${file.pathname}: it ended`))
  })
  await once(child, 'spawn')

  return {
    pid: child.pid ?? 0,
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        child.send({ id, name, args } satisfies Call)
      }),
    stop: () => void child.kill('SIGKILL'),
  }
}
