import type { ChatAnswer } from './answer.ts'
import type { ChatEvent } from './events.ts'
import type { ChatOptions, ChatResumeOptions } from './options.ts'
import { createReading } from './reading.ts'

export type { ChatAnswer } from './answer.ts'
export { ChatHttpError, ChatStreamError } from './errors.ts'
export type * from './events.ts'
export type * from './options.ts'

/** An answer while it is written. It can be read once. The request is sent when reading begins. */
export interface ChatStream extends AsyncIterableIterator<ChatEvent> {
  /**
   * Leaves the answer immediately, as `break` does in a loop. A pending `next()` resolves with
   * `done: true`. The server then stops the answer: at once, or when its grace is over if the
   * stream can be resumed.
   */
  return(): Promise<IteratorResult<ChatEvent>>
  /**
   * Stops the answer at the server, also for all other readers of a stream that can be resumed. The
   * iteration ends with the event `failed` and its code `cancelled`, or without an event if there
   * is no connection. A stream that cannot be resumed is left, as by `return()`.
   * @throws ChatHttpError or ChatStreamError if the server did not confirm the stop. The server
   * then stops the answer when its grace is over
   */
  stop(): Promise<void>
  /**
   * Reads the rest of the answer, and resolves to the whole answer, including the events that were
   * read before.
   * @throws ChatHttpError, ChatStreamError (also for a `failed` event), or the reason of the abort
   */
  final(): Promise<ChatAnswer>
  /** Does the same as `final()`, but resolves to the text alone. */
  text(): Promise<string>
}

/**
 * Sends a request to Sluice, and reads the answer while it is written.
 *
 * ```js
 * const body = { messages }
 * for await (const event of streamChat({ url: '/api/chat', body }))
 *   if (event.type === 'delta') show(event.text)
 * ```
 *
 * A stream that ends without `done` or `failed` throws. Leaving the loop stops the answer at the
 * server, unless the option `resume` is set.
 * @throws while iterating: ChatHttpError, ChatStreamError, or the reason of the signal
 */
export function streamChat(options: ChatOptions | ChatResumeOptions): ChatStream {
  const { events, leave, stop, toAnswer } = createReading(options)
  let stopped: Promise<void> | undefined
  const stream: ChatStream = {
    [Symbol.asyncIterator]: () => stream,
    next: () => events.next(),
    return() {
      leave()
      return events.return(undefined)
    },
    stop: () => (stopped ??= stop()),
    async final() {
      for await (const _ of events);
      return toAnswer()
    },
    text: async () => (await stream.final()).text,
  }
  return stream
}
