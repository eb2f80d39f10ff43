import { folded } from '../../encoders/folded.ts'
import { eventStream } from '../../encoders/sse.ts'
import type { Encoder } from '../../encoders/encoder.ts'
import { createAnswer } from './answer.ts'
import type { Echo } from './echo.ts'

/** Typed events, the last of which has the whole response: https://platform.openai.com/docs/api-reference/responses-streaming */
export function stream(echo: Echo): Encoder {
  return { ...eventStream, start: (options) => createAnswer(echo, options).write }
}

/** `stream: false`: what the stream's last event would have, byte for byte. */
export function inOnePiece(echo: Echo): Encoder {
  return {
    ...folded,
    start(options) {
      const answer = createAnswer(echo, { ...options, emit: () => {} })
      return (batch) => {
        answer.write(batch)
        if (answer.whole !== '') options.emit(answer.whole)
      }
    },
  }
}
