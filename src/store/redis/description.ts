import { logDropped, logLost, producerLost } from '../../streams/failures.ts'
import { toFailureFrames } from '../../streams/recorder.ts'
import { toEncoderParts, type EncoderParts } from '../../streams/repeating-encoder.ts'
import type { OwnRun } from '../../streams/runs.ts'
import { parseMessage } from './parse-message.ts'
import type { Reply } from './redis.ts'

/** What Redis has of a run besides its frames. A reader at another process needs it. */
export interface Description {
  /** The id of the process that makes the run. */
  readonly process: string
  readonly requestId: string
  readonly isBackground: boolean
  /** How long the run is kept after its end, in milliseconds. */
  readonly keepMs: number
  readonly state: 'attached' | 'detached' | 'finished'
  readonly encoder: EncoderParts
  /** The frames that report a failure, by its code. The encoder itself stays at its process. */
  readonly failures: Readonly<Record<string, string>>
  /** The state of a background run that has no token yet. */
  readonly queued: object | undefined
}

export function describeRun({ request, log, state }: OwnRun, process: string, keepMs: number): Description {
  const { encoder, requestId, graceMs, toQueued } = request
  const isBackground = graceMs === undefined
  const failures = [logDropped(), logLost(), producerLost()].map((error) => [
    error.code,
    toFailureFrames(encoder, error, isBackground ? log.id : requestId),
  ])
  return {
    process,
    requestId,
    isBackground,
    keepMs,
    state,
    encoder: toEncoderParts(encoder),
    failures: Object.fromEntries(failures),
    queued: toQueued?.(log.id),
  }
}

/** The fields of a description, as arguments of HSET. */
export function toFields({ process, state, ...others }: Description): string[] {
  return ['process', process, 'state', state, 'rest', JSON.stringify(others)]
}

/** Parses the reply of `HMGET … process state rest`. Undefined if it describes no run. */
export function parseFields(reply: Reply): Description | undefined {
  const [process, state, rest] = reply as readonly (string | null)[]
  if (!process || !state || !rest) return undefined
  const { requestId, isBackground = false, keepMs, encoder, failures, queued } = parseMessage<Description>(rest)
  if (!isText(requestId) || typeof keepMs !== 'number' || !isEncoder(encoder) || !isTexts(failures)) return undefined
  return { process, state: state as Description['state'], requestId, isBackground, keepMs, encoder, failures, queued }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && Object.values(value).every(isText)
const isEncoder = (value: Partial<Description['encoder']> | undefined): value is Description['encoder'] =>
  [value?.contentType, value?.opening, value?.heartbeat, value?.failure].every(isText) && isTexts(value?.headers)
