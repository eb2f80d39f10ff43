import type { Encoder } from '../../../encoders/encoder.ts'
import { folded } from '../../../encoders/folded.ts'
import { createAnswer, type AnswerOptions } from './stream.ts'

/** `stream: false`: the response of the stream's last event, byte for byte. */
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
