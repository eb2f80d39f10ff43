import { spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'

/** A running command of a deployment. */
export interface Program {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly pid: number
  /**
   * Sends a signal. Resolves with the exit status, which is null if the signal ended the program.
   */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/**
 * Starts a command of Sluice and waits until it listens.
 * @throws Error with the command's output if the command ends before it listens
 */
export async function startProgram([file = '', ...args]: readonly string[], options: SpawnOptions): Promise<Program> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit').then(([status]) => {
    process.off('exit', kill)
    return status as number | null
  })
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => {
        said += data.toString()
        const [, found] = /listens on (http:\S+)/.exec(said) ?? []
        if (found) resolve(found)
      })
    exited.then((status) => reject(new Error(`${file} ended with ${status}\n${said}`)), reject)
  })
  return {
    url,
    pid: child.pid!,
    async end(signal) {
      child.kill(signal)
      return exited
    },
  }
}
