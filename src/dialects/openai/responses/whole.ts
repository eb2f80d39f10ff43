import type { Encoder } from '../../../encoders/encoder.ts'
import { folded } from '../../../encoders/folded.ts'
import { createAnswer, type AnswerOptions } from './stream.ts'

/** The answer for `stream: false`. It is the same JSON as `response` in the stream's last event. */
export function createResponseWhole(answerOptions: AnswerOptions): Encoder {
  return {
    ...folded,
    start(options) {
      const answer = createAnswer(answerOptions, { ...options, emit: () => {} })
      return (batch) => {
        answer.write(batch)
        if (answer.response) options.emit(JSON.stringify(answer.response))
      }
    },
  }
}
