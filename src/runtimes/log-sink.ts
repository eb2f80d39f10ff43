/** What of a process's standard output the sink needs. */
interface Output {
  write(text: string, onTaken: () => void): boolean
  on(event: 'error', listener: () => void): unknown
}

export interface LogSinkOptions {
  output: Output
  /** So much may wait, in UTF-16 units: some thousand lines. */
  maxWaiting?: number
  /** Told once lines are taken again: how many were dropped before. */
  onDropped(count: number): void
}

export interface LogSink {
  write(line: string): void
  /** Resolves once everything has been taken, and after the limit in any case: what waits is lost in an exit. */
  flush(limitMs: number): Promise<void>
}

/**
 * Lines → standard output, which may be full or closed: a log that nobody reads must hold up no stream, and fill no memory (F32, hazard 75).
 * What is more than may wait is dropped, and counted.
 */
export function createLogSink({ output, maxWaiting = 1_048_576, onDropped }: LogSinkOptions): LogSink {
  let waiting = 0
  let dropped = 0
  let onEmpty = () => {}
  output.on('error', () => {}) // closed at its other end; without a listener that would end the process

  function taken(length: number) {
    waiting -= length
    if (waiting > 0) return
    onEmpty()
    if (dropped > 0) onDropped(dropped)
    dropped = 0
  }

  return {
    write(line) {
      const { length } = line
      if (waiting + length > maxWaiting) {
        dropped++
        return
      }
      waiting += length
      output.write(`${line}\n`, () => taken(length)) // by its callback, as Bun has no `writableLength`
    },
    flush(limitMs) {
      if (waiting === 0) return Promise.resolve()
      return new Promise((resolve) => {
        onEmpty = resolve
        setTimeout(resolve, limitMs)
      })
    },
  }
}
