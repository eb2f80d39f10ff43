import type { Encoder } from '../encoders/encoder.ts'
import type { ServiceError } from '../errors.ts'
import type { Sink } from '../relay/sink.ts'
import type { RunLog } from './run-log.ts'
import type { Viewer } from './viewer.ts'

/** The encoder and the sink of a relay whose frames go into a log. */
export interface Recorder {
  /** Appends the frames of another encoder to the log. */
  readonly encoder: Encoder
  readonly sink: Sink
  /** The reader that sent the request. Only this reader gets status frames. */
  viewer: Viewer | undefined
}

/**
 * Records the stream of a run. The log gives each frame an `id` field. The opening, heartbeats and
 * status frames are not recorded, because they belong to a connection and not to the answer. A
 * frame that the encoder emits when it starts is recorded at once.
 * @param requestId the id that the encoder gets. By default, it gets the id of the request.
 */
export function createRecorder(
  encoder: Encoder,
  { log, finish }: { readonly log: RunLog; finish(): void },
  requestId?: string,
): Recorder {
  /** The frames of one batch. Between batches there is no array (docs/hazards.md#90). */
  let frames: string[] | undefined
  let status = ''

  const recorder: Recorder = {
    encoder: {
      ...encoder,
      heartbeat: '',
      ...(encoder.toStatus && {
        toStatus: (...args) => (status = encoder.toStatus!(...args)),
      }),
      start(options) {
        const encode = encoder.start({
          ...options,
          ...(requestId !== undefined && { requestId }),
          emit(frame) {
            if (frames) frames.push(frame)
            else frames = [frame]
          },
        })
        let hasBegun = false
        function flush() {
          if (!frames) return
          const recorded: readonly string[] = frames
          frames = undefined
          log.append(recorded)
          // The readers get the frames from the log. The core only learns that the answer has
          // begun.
          if (!hasBegun) options.emit(encoder.opening)
          hasBegun = true
        }
        flush()
        return (batch) => {
          frames = undefined // what a failed batch has left
          encode(batch)
          flush()
        }
      },
    },
    viewer: undefined,
    sink: {
      write() {
        if (status !== '') recorder.viewer?.say(status)
        status = ''
      },
      end: finish,
      cut: finish,
      bytesWritten: 0, // the viewers count what they write
    },
  }
  return recorder
}

/** Returns the frames with which this encoder reports a failure. */
export function toFailureFrames(encoder: Encoder, error: ServiceError, requestId: string): string {
  let frames = ''
  const encode = encoder.start({ requestId, maxBytes: Infinity, emit: (frame) => void (frames += frame) })
  frames = '' // what the encoder emits when it starts is no failure
  encode([{ type: 'failed', error }])
  return frames
}

/**
 * Returns the frames that end a log with a failure. The frames of a failure are those of an answer
 * that fails before its first token. In Responses the first of them begin the answer. Only the last
 * one reports the failure, and it contains its own number.
 */
export function toTerminalFrames(frames: string, length: number): string[] {
  const each = frames.match(/[^]+?\n\n/g) ?? []
  if (length === 0) return each
  return each.slice(-1).map((frame) => frame.replace(/"sequence_number":\d+\}\n\n$/, `"sequence_number":${length}}\n\n`))
}
