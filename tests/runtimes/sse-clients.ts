import { fetchEventSource } from '@microsoft/fetch-event-source'
import { createEventSource } from 'eventsource-client'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { stream } from 'fetch-event-stream'

/** An SSE event, in the same form for every reader. */
export interface SseEvent {
  readonly event?: string | undefined
  readonly data?: string | undefined
}

export interface SseRequest {
  readonly url: string
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  take(event: SseEvent): void
}

/**
 * Sends one request and reads its stream to the end. When the signal aborts, some clients throw,
 * and the others resolve.
 * @throws Refused for an error status
 */
export type ReadSse = (request: SseRequest) => Promise<void>

/** The server answered with an error status. */
class Refused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`Refused with ${status}`)
    this.status = status
  }
}

export const withEventSourceParser: ReadSse = async ({ url, body, headers = {}, signal, take }) => {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal })
  if (!response.ok) throw new Refused(response.status)
  const events = response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ onError: 'terminate' }))
  for await (const event of events) take(event)
}

export const withFetchEventStream: ReadSse = async ({ url, body, headers = {}, signal, take }) => {
  const events = await stream(url, { method: 'POST', headers, body: JSON.stringify(body), signal }).catch((thrown: unknown) => {
    throw thrown instanceof Response ? new Refused(thrown.status) : thrown
  })
  for await (const { event, data } of events) take({ event, data })
}

/**
 * This client sends the request again one second after any error, even after an error status. To
 * prevent this, `onerror` must throw (docs/hazards.md#31).
 */
export const withFetchEventSource: ReadSse = ({ url, body, headers = {}, signal, take }) =>
  fetchEventSource(url, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal,
    openWhenHidden: true,
    async onopen({ ok, status }) {
      if (!ok) throw new Refused(status)
    },
    onmessage: take,
    onerror(error) {
      throw error
    },
  })

/**
 * This client sends the request again two seconds after the stream ends, even after a clean end. To
 * prevent this, the caller must close the client. The client ignores the status of the response
 * (docs/hazards.md#31).
 */
export const withEventSourceClient: ReadSse = ({ url, body, headers = {}, signal, take }) =>
  new Promise((resolve, reject) => {
    const source = createEventSource({
      url,
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      async fetch(input, init) {
        const response = await fetch(input, init)
        if (!response.ok) reject(new Refused(response.status))
        return response
      },
      onMessage: take,
      onScheduleReconnect: () => close(),
    })
    function close() {
      source.close()
      resolve()
    }
    signal.addEventListener('abort', close)
  })
