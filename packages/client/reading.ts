import { createConnection, type Connection } from './connection.ts'
import { ChatHttpError, ChatStreamError } from './errors.ts'
import type { ChatEvent } from './events.ts'
import type { ChatOptions, ChatResumeOptions } from './options.ts'
import { createRetries, longestDelayMs } from './retries.ts'
import { toEvents } from './to-events.ts'
import { onWake } from './wake.ts'

/** The reading of one answer, over as many connections as it needs. */
export interface Reading {
  /** Sends the request, and reads the events. A connection that breaks is replaced if it can be. */
  events(): AsyncGenerator<ChatEvent, undefined>
  /**
   * Stops the answer at the server. The events then end with `cancelled`. If there is no connection,
   * or if the answer has no address, they end with an abort.
   * @throws ChatHttpError or ChatStreamError if the server did not confirm the stop
   */
  stop(): Promise<void>
}

/**
 * How long the client waits for the end of the body after the last event, and for the last event
 * after a stop. After this time it closes the connection.
 */
const endLimitMs = 1000
/** How long the client waits for the head of a response to a GET or DELETE. */
const headLimitMs = 15_000
/**
 * A connection that was silent for this long has missed a heartbeat, which comes every 15 s by
 * default. If the device wakes up then, the connection is probably dead.
 */
const silentMs = 20_000

/** Creates the reading of one answer. It ends when `leaving` aborts. */
export function createReading(options: ChatOptions | ChatResumeOptions, leaving: AbortController): Reading {
  const { url, resume, headers, idleTimeoutMs, fetch = globalThis.fetch } = options
  const left = leaving.signal
  const retries = createRetries(left)
  /** Where the answer can be read again, and stopped. */
  let address = typeof resume === 'string' ? toAddress(resume, url) : undefined
  let connection: Connection
  let isConnected = false
  /** When the last bytes came, or when the last request was sent. */
  let heardAt = 0
  let lastEventId = ''
  let mayRetry = Boolean(resume)
  let hasEnded = false

  /** Sends the request, or connects again if the answer has an address. */
  const connect = async (): Promise<void> => {
    heardAt = Date.now()
    connection = createConnection({ fetch, signal: left, idleTimeoutMs })
    const sent = new Headers(headers)
    if (!sent.has('accept')) sent.set('accept', 'text/event-stream, application/x-ndjson;q=0.5')
    if (address === undefined) {
      if (!sent.has('content-type')) sent.set('content-type', 'application/json')
      if (resume) sent.append('prefer', 'resume')
      const body = JSON.stringify((options as ChatOptions).body)
      const { headers } = await connection.open(url, { method: 'POST', headers: sent, body }, idleTimeoutMs)
      const [, seconds] = /resume=(\d+)/.exec(headers.get('preference-applied') ?? '') ?? []
      const path = headers.get('content-location') ?? ''
      // Only a path is followed, because a key in `headers` is for this server alone.
      if (seconds && /^\/\w/.test(path)) {
        address = toAddress(path, url)
        retries.grant(Number(seconds) * 1000)
      }
    } else {
      if (lastEventId) sent.set('last-event-id', lastEventId)
      await connection.open(address, { headers: sent }, idleTimeoutMs ?? headLimitMs)
    }
    isConnected = true
  }

  /** Reads one connection until the answer ends. */
  const read = async function* (): AsyncGenerator<ChatEvent, undefined> {
    const openedAt = Date.now()
    for (;;) {
      const frames = await connection.read()
      heardAt = Date.now()
      // Heartbeats over a longer time are progress, too: the model may still be loading.
      if (heardAt - openedAt > longestDelayMs) retries.reset()
      for (const frame of frames) {
        if (frame.id) {
          lastEventId = frame.id
          retries.reset()
        }
        for (const event of toEvents(frame)) {
          left.throwIfAborted()
          hasEnded = event.type === 'done' || event.type === 'failed'
          yield event
          // Reads the end of the body, so that the connection can be used again.
          if (hasEnded) {
            await connection.read(endLimitMs).catch(() => {})
            return
          }
        }
      }
    }
  }

  return {
    async *events() {
      if (resume)
        onWake(left, (isOnline) => {
          if (address === undefined) return
          retries.wake()
          if (isOnline || Date.now() - heardAt > silentMs)
            connection.close(connection.toError('network', 'The device was offline or asleep'))
        })
      for (let hasStarted = false; !hasEnded;) {
        try {
          await connect()
          yield hasStarted ? { type: 'resumed' } : { type: 'start', requestId: connection!.requestId, stream: address }
          hasStarted = true
          yield* read()
        } catch (error) {
          isConnected = false
          left.throwIfAborted()
          const retry = mayRetry && address !== undefined && retries.next(error)
          if (!retry) {
            if (address === undefined || !(error instanceof ChatHttpError)) throw error
            throw new ChatStreamError(error.code, error.message, error.requestId, error)
          }
          yield { type: 'reconnecting', ...retry }
          await retries.wait(retry.delayMs)
        } finally {
          connection!.close()
        }
      }
      return undefined
    },
    async stop() {
      mayRetry = false
      if (hasEnded) return
      if (!isConnected) leaving.abort()
      if (address === undefined) return leaving.abort()
      const stopping = createConnection({ fetch })
      try {
        const init = { method: 'DELETE', headers: new Headers(headers), keepalive: true }
        await stopping.send(address, init, idleTimeoutMs ?? headLimitMs)
      } catch (error) {
        if (!(error instanceof ChatHttpError && error.status === 404)) {
          leaving.abort()
          throw error
        }
      } finally {
        stopping.close()
      }
      const timer = setTimeout(() => leaving.abort(), endLimitMs)
      if (left.aborted) clearTimeout(timer)
      left.addEventListener('abort', () => clearTimeout(timer))
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
