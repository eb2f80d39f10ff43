import { fetchEventSource } from '@microsoft/fetch-event-source'
import { createEventSource } from 'eventsource-client'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { stream } from 'fetch-event-stream'

/** An event as every reader tells it. */
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

/** Reads a stream to its end, and asks once. @throws Refused; some throw when their signal aborts, the others end */
export type ReadSse = (request: SseRequest) => Promise<void>

/** An error before commit, which has its real status. */
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

/** It asks again a second after every error, a refusal included, unless `onerror` throws (hazard 31). */
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

/** It asks again two seconds after every end, a clean one included, unless it is closed; and it looks at no status (hazard 31). */
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
