import { parseExact } from '../../../exact-json.ts'
import type { Background } from '../../dialect.ts'
import { toResponse, toResponseHead, type Echo } from './response.ts'

/** The longest JSON of an echo that is kept, in UTF-16 units. */
const maxEchoLength = 262_144

/**
 * Whether the parts of a request that its response repeats are too large to be kept. Several events
 * of a response repeat them, and so does each poll.
 */
export function isLargeEcho(echo: Echo): boolean {
  return JSON.stringify(echo).length > maxEchoLength
}

export function toBackground(echo: Echo, { isStream }: Pick<Background, 'isStream'>): Background {
  return {
    isStream,
    toQueued: (runId) => toResponse(toResponseHead(echo, toResponseId(runId), {}), { status: 'queued', output: [] }),
  }
}

/** The id of a background response. The ids of its items contain the id of the run, too. */
export function toResponseId(runId: string): string {
  return `resp_${runId}`
}

/** Returns the id of the run of a background response. Undefined if the id has another form. */
export function parseResponseId(id: string): string | undefined {
  return /^resp_([\da-zA-Z]{1,64})$/.exec(id)?.[1]
}

/**
 * Returns the state of a background response. The events of its beginning and of its end contain
 * the whole response. Between them, a poll gets no output, as at OpenAI.
 * @param newest the newest event of the response, as an SSE frame
 * @param queued the state of the response before its first token
 */
export function toSnapshot(newest: string, queued: object = {}): object {
  const start = newest.indexOf('data: ') + 'data: '.length
  const { response } = parseExact(newest.slice(start, newest.indexOf('\n', start))) as { response?: object }
  return response ?? { ...queued, status: 'in_progress' }
}
