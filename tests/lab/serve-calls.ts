/**
 * The functions that one of the bench's processes serves to the others, over the IPC channel of
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
 * Answers the calls of the process that forked this one. It ends with that process, so no process
 * remains when the bench is killed.
 */
export function serveCalls<T extends Calls<T>>(calls: T): void {
  process.on('disconnect', () => process.exit())
  // Ctrl-C reaches the whole process group, but the bench alone decides when its processes end.
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
