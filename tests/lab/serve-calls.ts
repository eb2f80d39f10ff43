/**
 * The functions that a child process of the benchmark offers to its parent, over the IPC channel of
 * `fork`.
 */
export type Calls<T> = { [K in keyof T]: (...args: never[]) => unknown }

export interface Call {
  id: number
  name: string
  args: unknown[]
}

export type Answer = { id: number; result: unknown } | { id: number; error: string }

/**
 * Answers the calls of the parent process. This process exits when the parent does, so no process
 * remains when the benchmark is killed.
 */
export function serveCalls<T extends Calls<T>>(calls: T): void {
  process.on('disconnect', () => process.exit())
  // Ctrl-C sends SIGINT to the whole process group. This process ignores it, because the parent
  // decides when to stop its children.
  process.on('SIGINT', () => {})
  process.on('message', ({ id, name, args }: Call) => {
    const serve = calls[name as keyof T] as unknown as (...args: unknown[]) => unknown
    const answer = async (): Promise<Answer> => {
      try {
        return { id, result: await serve(...args) }
      } catch (error) {
        return { id, error: String(error) }
      }
    }
    void answer().then((value) => process.send?.(value))
  })
}
