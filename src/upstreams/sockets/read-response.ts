import type { Flow } from '../../generation.ts'
import { createResponseReader } from '../../http1/response-reader.ts'
import { broken, turnBytes, unreachable, type UpstreamResponse } from '../connect.ts'
import type { IdleWires } from './idle-wires.ts'
import type { Wire } from './wire.ts'
import type { Upload } from './write-request.ts'

export interface ReadResponseOptions {
  readonly method: string
  readonly signal: AbortSignal
  /** Takes the wire when it may carry another request. */
  readonly idle: IdleWires
  /** Runs a step in a later turn, so that other streams get their turn (docs/hazards.md#44). */
  readonly defer: (step: () => void) => void
  /** The body of the request, if it is a stream. It may still be on its way. */
  readonly upload: Upload | undefined
  /**
   * Sends the request again, if a used wire closed before any byte of the response. Undefined if
   * the request may not be sent twice.
   */
  readonly again: (() => Promise<UpstreamResponse>) | undefined
}

/**
 * Reads one response from a wire. Another function writes the request, because these closures live
 * as long as the stream and must not keep its body (docs/hazards.md#81).
 */
export function readResponse(
  wire: Wire,
  { method, signal, idle, defer, upload, again }: ReadResponseOptions,
): Promise<UpstreamResponse> {
  /** Dropped when it settles, because it would keep the head in memory as long as the body. */
  let head: PromiseWithResolvers<UpstreamResponse> | undefined = Promise.withResolvers()
  const { promise: response } = head
  const ended = Promise.withResolvers<void>()
  ended.promise.catch(() => {}) // the body may have no reader, and so no handler
  let [hasBytes, isOver, isPaused] = [false, false, false]
  let onBytes: ((bytes: Uint8Array) => void | Promise<void>) | undefined
  /** The body that came before `flow` was called. The wire is paused until then. */
  const early: Uint8Array[] = []
  let bytesOfTurn = 0

  const reader = createResponseReader({
    method,
    onHead(status, headers) {
      head!.resolve({ status, headers, flow })
      head = undefined
    },
    onBody,
    onEnd(canReuse) {
      if (isOver) return // the consumer of the last bytes has aborted
      resume() // an idle wire has to notice that it closes
      finish()
      // An upstream that answers before it has the whole request may never read the rest of it.
      if (canReuse && !upload && wire.isFlushed()) idle.put(wire)
      else wire.destroy()
      ended.resolve()
    },
  })

  function onBody(bytes: Uint8Array) {
    if (!onBytes) {
      early.push(new Uint8Array(bytes))
      return pause()
    }
    const drained = onBytes(bytes)
    bytesOfTurn += bytes.byteLength
    if (!drained && bytesOfTurn < turnBytes) return
    bytesOfTurn = 0
    pause()
    if (drained) void drained.then(() => defer(resume))
    else defer(resume)
  }

  const flow: Flow<Uint8Array> = (consumer) => {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    onBytes = consumer
    if (early.length > 0) {
      isPaused = false
      for (const bytes of early.splice(0)) onBody(bytes)
      if (!isPaused) resume()
    }
    return ended.promise
  }

  function pause() {
    isPaused = true
    if (!isOver) wire.pause()
  }
  function resume() {
    isPaused = false
    if (!isOver) wire.resume()
  }
  function finish() {
    isOver = true
    upload?.stop()
    signal.removeEventListener('abort', onAbort)
  }
  function fail(error: unknown) {
    if (isOver) return
    finish()
    wire.destroy()
    if (head) head.reject(error)
    else ended.reject(error)
  }
  function onFault(cause: unknown) {
    if (isOver) return
    if (hasBytes || !again) return fail(head ? unreachable(cause) : broken(cause))
    finish()
    wire.destroy()
    head!.resolve(again())
  }
  function onAbort() {
    fail(signal.reason)
  }

  signal.addEventListener('abort', onAbort)
  upload?.ended.catch(onFault)
  wire.listener = {
    onBytes(bytes, length) {
      hasBytes = true
      try {
        reader.push(bytes, length)
      } catch (fault) {
        onFault(fault)
      }
    },
    onDrain: () => upload?.onDrain(),
    onClose(error) {
      if (error !== undefined) return onFault(error)
      try {
        reader.close()
      } catch (fault) {
        onFault(fault)
      }
    },
  }
  return response
}
