import { ServiceError } from '../errors.ts'
import { isProgress } from '../generation.ts'
import { withinLimit } from './time-limit.ts'
import { isInference, type CallContext, type Generation, type Upstream } from './upstream.ts'

export interface QueueOptions {
  upstream: Upstream
  /** How many generations and embeddings may run at the upstream at once. */
  running: number
  /** How many more requests may wait for a place. */
  waiting: number
  /**
   * How long an embedding may take, including its wait in the queue, in milliseconds. 0 means no
   * limit. Generations have no limit here, because the relay limits the time to the first token.
   */
  embedTimeoutMs: number
}

/**
 * Limits how many generations and embeddings run at the upstream at once. Further requests wait in
 * this queue and not at Ollama. So a reader that disconnects while it waits costs Ollama nothing.
 * The queue is fair: the keys take turns, no matter how many requests each key has sent.
 */
export function createQueue({ upstream, running, waiting, embedTimeoutMs }: QueueOptions): Upstream {
  /**
   * The waiting requests of each key, in the order of their arrival. The keys are in the order of
   * their turns.
   */
  const lines = new Map<string, Waiter[]>()
  let runningCount = 0
  let waitingCount = 0

  /** Resolves when the caller may run. */
  function acquire({ principal = '', signal, onWaiting }: CallContext): Promise<void> {
    if (runningCount < running) {
      runningCount++
      return Promise.resolve()
    }
    if (waitingCount >= waiting) {
      throw new ServiceError(
        'too_many_streams',
        `All ${running} places at Ollama are in use, and ${waiting} wait already; try again in 5 s`,
        {
          retryAfterSeconds: 5,
        },
      )
    }
    waitingCount++
    onWaiting?.('queued')
    return new Promise((resolve, reject) => {
      const line = lines.get(principal) ?? []
      const onAbort = () => {
        drop(principal, waiter)
        reject(signal.reason as Error)
      }
      const waiter: Waiter = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      line.push(waiter)
      lines.set(principal, line)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }

  function drop(principal: string, waiter: Waiter) {
    const line = lines.get(principal)
    const index = line?.indexOf(waiter) ?? -1
    if (!line || index === -1) return
    waitingCount--
    line.splice(index, 1)
    if (line.length === 0) lines.delete(principal)
  }

  /**
   * Frees a place. The first request of the next key gets the place, and that key moves behind the
   * other keys.
   */
  function release() {
    const [next] = lines
    if (!next) return void runningCount--
    const [principal, line] = next
    const waiter = line.shift()!
    waitingCount--
    lines.delete(principal)
    if (line.length > 0) lines.set(principal, line)
    waiter()
  }

  return {
    ...upstream,
    async generate(call, context) {
      // A pull does not wait in the queue, because it may take an hour and needs no GPU.
      if (isProgress(call)) return upstream.generate(call, context)
      await acquire(context)
      // `onWaiting` is not called in `release`, because `release` may run in another request
      // (docs/hazards.md#74).
      context.onWaiting?.(undefined)
      const releaseOnce = once(release)
      try {
        return releaseOnClose(await upstream.generate(call, context), releaseOnce)
      } catch (error) {
        releaseOnce()
        throw error
      }
    },
    async ask(question, context) {
      if (!isInference(question)) return upstream.ask(question, context)
      return withinLimit(embedTimeoutMs, context.signal, async (signal) => {
        await acquire({ ...context, signal })
        try {
          return await upstream.ask(question, { ...context, signal })
        } finally {
          release()
        }
      })
    },
  }
}

type Waiter = () => void

function once(step: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) step()
    isDone = true
  }
}

/**
 * This is a separate function, so that the stream does not keep the request in memory
 * (docs/hazards.md#81).
 */
function releaseOnClose({ flow, close }: Generation, release: () => void): Generation {
  return {
    flow,
    close(ended) {
      close(ended)
      release()
    },
  }
}
