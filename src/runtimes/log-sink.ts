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

/**
 * Lines → standard output, which may be full or closed: a log that nobody reads must hold up no stream, and fill no memory (F32, hazard 75).
 * What is more than may wait is dropped, and counted.
 */
export function createLogSink({ output, maxWaiting = 1_048_576, onDropped }: LogSinkOptions): (line: string) => void {
  let waiting = 0
  let dropped = 0
  output.on('error', () => {}) // closed at its other end; without a listener that would end the process

  return (line) => {
    if (waiting + line.length > maxWaiting) {
      dropped++
      return
    }
    waiting += line.length
    // By its callback: Bun has no `writableLength`.
    output.write(`${line}\n`, () => {
      waiting -= line.length
      if (dropped === 0 || waiting > 0) return
      onDropped(dropped)
      dropped = 0
    })
  }
}
