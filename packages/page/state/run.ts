import { streamChat } from '#client'
import type { ChatEvent } from '#client'
import type { End, Message } from '../chats/chat.ts'
import { createId } from './create-id.ts'
import type { Host } from './host.ts'
import { toAuthorization } from './key.ts'
import type { Key } from './key.ts'
import type { Phase, Run } from './page-state.ts'
import { toEnd, toInterruption } from './to-end.ts'
import { createWriting } from './writing.ts'
import type { Figures } from './writing.ts'

export interface StartedRun {
  readonly run: Run
  toPartial(): Message
  stop(): void
  /** Resolves to the complete message. Never rejects. */
  readonly ended: Promise<Message>
}

interface RunOptions {
  /** The path in front of the server's routes. */
  readonly base: string
  readonly host: Host
  readonly key: Key
  readonly now: () => number
  /**
   * An empty message, or the message so far if an answer is continued. If it has a stream, nothing
   * is requested, and that stream is read.
   */
  readonly answer: Message
  /** The body of `POST /api/chat`. */
  readonly body: object
  /** Called when the server has accepted the request and the answer can be resumed. */
  readonly onAccepted: () => void
  /** Called when the partial message has grown. */
  readonly onUpdate: () => void
}

/** How long the server may take to confirm that the answer does not use the GPU any more. */
const stopLimitMs = 1000

/** Requests or resumes an answer, and writes what arrives into a message. */
export function startRun({ base, host, key, now, answer, body, onAccepted, onUpdate }: RunOptions): StartedRun {
  const requestId = `page-${createId()}`
  const authorization = toAuthorization(key.current())
  const writing = createWriting(host, answer, now)
  /** The address of the stream, if the answer can be resumed. */
  let address = answer.stream?.address
  const abort = new AbortController()
  /**
   * Set when the user has stopped the answer. Resolves to whether the server confirmed that the
   * generation has ended.
   */
  let freed: Promise<boolean> | undefined

  /** The content of the stream's last event. `undefined` until that event comes. */
  let last: { readonly end: End; readonly figures?: Figures } | undefined

  const onEvent = (event: ChatEvent) => {
    if (event.type === 'start') {
      writing.setReconnecting(false)
      if (address !== undefined) return writing.enter('waiting')
      address = event.stream
      if (address === undefined) return
      writing.accept(address)
      return onAccepted()
    }
    if (event.type === 'reconnecting') return writing.setReconnecting(true)
    if (event.type === 'resumed') return writing.setReconnecting(false)
    if (event.type === 'status' && isWaitingPhase(event.status)) writing.enter(event.status)
    else if (event.type === 'thinking') writing.addThinking(event.text)
    else if (event.type === 'delta') writing.addText(event.text)
    else if (event.type === 'tool_call') writing.addToolCall({ name: event.name, arguments: event.arguments })
    else if (event.type === 'done') {
      const { reason, model, usage, tokensPerSecond } = event
      if (model !== undefined) writing.setModel(model)
      last = { end: { how: reason === 'length' ? 'length' : 'done' }, figures: { ...usage, tokensPerSecond } }
    } else if (event.type === 'failed') {
      const { code, message: text, requestId: serverRequestId = requestId } = event
      last = { end: { how: 'failed', code, text, requestId: serverRequestId } }
    } else return
    onUpdate()
  }

  const read = async () => {
    const headers = { ...authorization, accept: 'text/event-stream', prefer: 'status', 'x-request-id': requestId }
    const fetch: Host['fetch'] = (url, init) => host.fetch(url, init)
    try {
      const resume = address ?? true
      const stream = streamChat({ url: `${base}/api/chat`, body, headers, fetch, signal: abort.signal, resume })
      for await (const event of stream) onEvent(event)
    } catch (error) {
      last ??= { end: toEnd(error, requestId) }
    }
  }

  const finish = async (): Promise<Message> => {
    await read()
    const { end, figures } = last!
    const isStopped = end.how === 'failed' && (end.code === 'cancelled' || abort.signal.aborted)
    if (isStopped) return writing.finish({ how: 'stopped', isFreed: (await freed) ?? true }, figures)
    return writing.finish(address === undefined ? end : toInterruption(end), figures)
  }
  const ended = finish()

  return {
    run: writing.run,
    toPartial: writing.toPartial,
    ended,
    stop() {
      if (freed) return
      writing.enter('stopping')
      // The regular end of the answer may already be on its way, so the stream is not aborted yet.
      // It is aborted if the server does not end it within this limit.
      const limit = host.setTimeout(() => abort.abort(), stopLimitMs)
      void ended.then(() => host.clearTimeout(limit))
      freed = host
        .fetch(address ?? `${base}/ollama/cancel/${requestId}`, {
          method: address === undefined ? 'POST' : 'DELETE',
          headers: authorization,
          signal: abort.signal,
        })
        .then(({ status }) => status === 204)
        .catch(() => {
          abort.abort()
          return false
        })
    },
  }
}

function isWaitingPhase(status: string): status is Phase {
  return status === 'queued' || status === 'loading' || status === 'evaluating'
}
