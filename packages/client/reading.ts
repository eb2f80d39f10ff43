import { createCollector, type ChatAnswer } from './answer.ts'
import { createConnection, type Connection } from './connection.ts'
import { ChatHttpError, ChatStreamError } from './errors.ts'
import type { ChatEvent } from './events.ts'
import { endLimitMs, leastAttempts, silentMs } from './limits.ts'
import type { ChatOptions, ChatResumeOptions } from './options.ts'
import { toRetryDelay } from './retries.ts'
import { toEvents } from './to-events.ts'

/** The reading of one answer, over as many connections as it needs. */
export interface Reading {
  /** Sends the request, and reads the events. A connection that breaks is replaced if it can be. */
  readonly events: AsyncGenerator<ChatEvent, undefined>
  /** Ends the events quietly. */
  leave(): void
  /**
   * Stops the answer at the server. The events then end with `cancelled`, or quietly if there is no
   * connection, or if the answer has no address.
   * @throws ChatHttpError or ChatStreamError if the server did not confirm the stop
   */
  stop(): Promise<void>
  /**
   * Returns the whole answer. Call this when the events have ended.
   * @throws the reason why there is none
   */
  toAnswer(): ChatAnswer
}

/** Creates the reading of one answer. */
export function createReading(options: ChatOptions | ChatResumeOptions): Reading {
  const { url, resume, signal, headers, idleTimeoutMs, fetch = globalThis.fetch } = options
  const leaving = new AbortController()
  const left = leaving.signal
  /** Where the answer can be read again, and stopped. Empty if it cannot. */
  let address = typeof resume === 'string' ? toAddress(resume, url) : ''
  let connection: Connection | undefined
  /** When the last bytes came. NaN while there is no connection. */
  let heardAt = NaN
  let lastEventId = ''
  let maxAttempts = leastAttempts
  /** How often the client has tried to connect since the last progress. */
  let attempt = 0
  /** Ends the wait for the next try. */
  let wake = () => {}
  /** Whether the caller has neither left nor stopped the answer. */
  let isWanted = true
  let timer: ReturnType<typeof setTimeout> | undefined
  let end: (() => ChatAnswer) | undefined
  let failure: unknown

  const close = (reason?: unknown) => {
    leaving.abort(reason)
    connection?.close(left.reason)
    wake()
    clearTimeout(timer)
  }
  const leave = () => {
    isWanted = false
    close()
  }

  /**
   * Tries again at once when there may be a network again. The connection of a device that was
   * offline or asleep may be dead without an error, so it is replaced.
   */
  const onWake = ({ type }: Event) => {
    if (!address) return
    attempt = 0
    wake()
    if (type === 'online' || Date.now() - heardAt > silentMs) connection!.close({ code: 'network' })
  }

  /**
   * Sends the request. If the answer has an address, this asks for the rest of the answer. Returns
   * the id of the request.
   */
  const connect = async (): Promise<string | undefined> => {
    connection = createConnection(fetch, idleTimeoutMs)
    const sent = new Headers(headers)
    if (!sent.has('accept')) sent.set('accept', 'text/event-stream, application/x-ndjson;q=0.5')
    if (!address && !sent.has('content-type')) sent.set('content-type', 'application/json')
    if (resume) sent.append('prefer', 'resume')
    if (lastEventId) sent.set('last-event-id', lastEventId)
    const body = JSON.stringify((options as ChatOptions).body)
    const init = address ? { headers: sent } : { method: 'POST', headers: sent, body }
    const { headers: got, requestId } = await connection.open(address || url, init, idleTimeoutMs ?? (address ? silentMs : 0))
    const [, seconds] = /resume=(\d+)/.exec(got.get('preference-applied') ?? '') ?? []
    const path = got.get('content-location') ?? ''
    // Only a path is followed, because a key in the headers is for this server alone.
    if (seconds && /^\/\w/.test(path)) {
      address = toAddress(path, url)
      maxAttempts += Number(seconds)
    }
    heardAt = Date.now()
    return requestId
  }

  /** Returns the next events of the connection. */
  const receive = async (): Promise<ChatEvent[]> => {
    const frames = await connection!.read()
    heardAt = Date.now()
    return frames.flatMap((frame) => {
      if (frame.id) {
        lastEventId = frame.id
        attempt = 0
      }
      return toEvents(frame)
    })
  }

  const read = async function* (): AsyncGenerator<ChatEvent, undefined> {
    const add = createCollector()
    try {
      if (signal?.aborted) close(signal.reason)
      signal?.addEventListener('abort', () => close(signal.reason), { signal: left })
      if (resume)
        for (const type of ['online', 'visibilitychange']) globalThis.addEventListener?.(type, onWake, { signal: left })
      for (let hasStarted = false; !end;) {
        try {
          left.throwIfAborted()
          const requestId = await connect()
          yield hasStarted ? { type: 'resumed' } : { type: 'start', requestId, stream: address || undefined }
          hasStarted = true
          while (!end)
            for (const event of await receive()) {
              left.throwIfAborted()
              end = add(event, requestId)
              yield event
              if (end) break
            }
          // Reads the end of the body, so that the connection can be used again.
          await connection!.read(endLimitMs).catch(() => {})
        } catch (error) {
          heardAt = NaN
          const delayMs =
            address && resume && isWanted && !left.aborted && attempt++ < maxAttempts && toRetryDelay(error, attempt)
          if (!delayMs) {
            failure =
              address && error instanceof ChatHttpError
                ? new ChatStreamError(error.code, error.message, error.requestId, error)
                : error
            if (isWanted) throw failure
            return
          }
          const waiting = new Promise<void>((resolve) => {
            wake = resolve
            timer = setTimeout(resolve, delayMs)
          })
          yield { type: 'reconnecting', attempt, delayMs }
          await waiting
          clearTimeout(timer)
        }
      }
    } finally {
      close()
    }
  }

  return {
    events: read(),
    leave,
    async stop() {
      isWanted = false
      if (end) return
      if (!heardAt) leave()
      if (!address) return leave()
      await createConnection(fetch)
        .send(address, { method: 'DELETE', headers: new Headers(headers), keepalive: true }, silentMs)
        .catch((error: ChatHttpError) => {
          leave()
          if (error.status !== 404) throw error
        })
      if (!left.aborted) timer = setTimeout(leave, endLimitMs)
    },
    toAnswer() {
      if (end) return end()
      throw failure ?? left.reason
    },
  }
}

/** Resolves a path against the address of the request. A page may have given a path there, too. */
function toAddress(path: string, url: string | URL): string {
  try {
    return new URL(path, url).href
  } catch {
    return path
  }
}
