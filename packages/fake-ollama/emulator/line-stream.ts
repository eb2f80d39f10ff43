/**
 * Makes a response body out of lines. The promise resolves when the first line is made, because
 * Ollama sends its headers only then (docs/ollama.md#1-stream). Each read of the body makes the
 * next line, so no line is made while the reader does not read.
 * @param lines makes the lines. It gets a signal that aborts when the caller's signal aborts or the
 * body is cancelled. After that, no more lines are made.
 */
export async function openLineStream(
  lines: (signal: AbortSignal) => AsyncGenerator<string>,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder()
  const ending = new AbortController()
  const source = lines(ending.signal)
  let body: ReadableStreamDefaultController<Uint8Array> | undefined

  const onAbort = () => {
    leave(signal.reason)
    body?.error(signal.reason)
  }
  const leave = (reason: unknown) => {
    signal.removeEventListener('abort', onAbort)
    ending.abort(reason)
    // If the generator is suspended at a `yield`, this runs its `finally`. If it is awaiting, the
    // abort has already made that wait reject.
    source.return(undefined).catch(() => undefined)
  }
  const advance = async () => {
    const { done, value } = await source.next().catch((error: unknown) => {
      signal.removeEventListener('abort', onAbort)
      throw error
    })
    if (!done) return encoder.encode(value)
    signal.removeEventListener('abort', onAbort)
    return undefined
  }

  signal.addEventListener('abort', onAbort, { once: true })
  const first = await advance()
  signal.throwIfAborted()
  return new ReadableStream<Uint8Array>({
    start(controller) {
      body = controller
      if (first) controller.enqueue(first)
      else controller.close()
    },
    async pull(controller) {
      const line = await advance()
      if (ending.signal.aborted) return
      if (line) controller.enqueue(line)
      else controller.close()
    },
    cancel(reason) {
      leave(reason)
    },
  })
}
