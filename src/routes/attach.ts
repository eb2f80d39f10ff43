import type { Context } from 'hono'
import { ServiceError } from '../errors.ts'
import type { Env } from '../middleware/env.ts'
import type { Deadlines } from '../relay/core.ts'
import { createJitter } from '../relay/jitter.ts'
import type { Open } from '../relay/sink.ts'
import type { Stream } from '../relay/stream.ts'
import { toFailureFrames } from '../streams/recorder.ts'
import type { Run } from '../streams/runs.ts'
import { createViewer, type Viewer, type ViewerEnd } from '../streams/viewer.ts'

export interface AttachContext {
  /** The path in front of the routes. */
  base: string
  deadlines: Deadlines
  open: Open
  now: () => number
}

interface AttachOptions {
  run: Run
  /** The number of the last frame that the reader has. -1 if it has none. */
  after: number
  /** The stream of the reader's request. */
  stream: Stream
  /** Reports to the run that the viewer has ended, and whether it has read the end. */
  leave(hasReadEnd: boolean): void
  headers?: Readonly<Record<string, string>>
  /** Called once, when the viewer has ended. */
  onEnd(end: ViewerEnd, bytes: number): void
}

/**
 * The processes learn one after another that a key was revoked. The terminal of a run of another
 * process may take this long, in milliseconds. After that, its viewers are cut.
 */
const terminalMs = 700

export type Attach = (c: Context<Env>, options: AttachOptions) => { response: Response; viewer: Viewer }

/** Creates the function that opens a streaming response and sends the log of a run to it. */
export function createAttach({ base, deadlines: { heartbeatMs, stallMs }, open, now }: AttachContext): Attach {
  const jitter = createJitter()

  return (c, { run, after, stream, leave, headers, onEnd }) => {
    const { log, request } = run
    const { encoder, requestId } = request
    const { response, sink } = open(
      c,
      { 'content-type': encoder.contentType, ...encoder.headers, ...headers, 'content-location': `${base}/streams/${log.id}` },
      stream.leave,
    )
    const viewer = createViewer({
      log,
      after,
      sink,
      encoder,
      heartbeatMs: jitter(heartbeatMs),
      stallMs,
      now,
      toFrames: (error) => toFailureFrames(encoder, error, requestId),
      onEnd(end) {
        stream.signal.removeEventListener('abort', onAbort)
        leave(end === 'done')
        onEnd(end, sink.bytesWritten)
      },
    })
    /**
     * A drain ends a run of this process itself, and the viewer reads its terminal. A run of
     * another process goes on, so its viewer is cut and can come back there. A cancel by the
     * request id of a viewer stops the run for all viewers. A revoked key ends its open runs,
     * wherever they are, and may read nothing more of a finished one.
     */
    function onAbort() {
      const reason: unknown = stream.signal.reason
      if (!(reason instanceof ServiceError)) viewer.leave()
      else if (reason.code === 'cancelled' && run.state !== 'finished') Promise.resolve(run.stop()).catch(viewer.cut)
      else if (reason.code === 'unauthorized' && run.state === 'finished') viewer.cut()
      else if (reason.code === 'unauthorized' && run.isElsewhere) setTimeout(viewer.cut, terminalMs)
      else if (run.isElsewhere) viewer.cut()
    }
    stream.signal.addEventListener('abort', onAbort)
    if (stream.signal.aborted) onAbort()
    return { response, viewer }
  }
}
