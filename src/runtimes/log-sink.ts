/** The methods of `process.stdout` that the sink needs. */
export interface Output {
  write(text: string, onWritten: () => void): unknown
  on(event: 'error', listener: () => void): unknown
}

export interface LogSinkOptions {
  output: Output
  /**
   * How much text may wait to be written, in UTF-16 units. The default is several thousand lines.
   */
  maxWaiting?: number
  /** Called with the number of dropped lines, once all waiting lines are written. */
  onDropped(count: number): void
}

export interface LogSink {
  write(line: string): void
  /**
   * Resolves when all waiting lines are written, and at the latest after `limitMs`. A process that
   * exits without a flush loses the waiting lines.
   */
  flush(limitMs: number): Promise<void>
}

/**
 * Writes lines to standard output, which may be full or closed. A log that nobody reads must not
 * delay a stream or fill the memory (docs/faults.md#F32, docs/hazards.md#75). So lines beyond the
 * limit are dropped and counted.
 */
export function createLogSink({ output, maxWaiting = 1_048_576, onDropped }: LogSinkOptions): LogSink {
  let waiting = 0
  let dropped = 0
  let onEmpty = () => {}
  // If the other end of the pipe is closed, an error without a listener would end the process.
  output.on('error', () => {})

  function onWritten(length: number) {
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
      // The callback counts the written text, because Bun's `writableLength` does not report how
      // much still waits.
      output.write(`${line}\n`, () => onWritten(length))
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
