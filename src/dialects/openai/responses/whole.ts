import type { Encoder } from '../../../encoders/encoder.ts'
import { folded } from '../../../encoders/folded.ts'
import type { Echo } from './response.ts'
import { createAnswer } from './stream.ts'

/** `stream: false`: the response of the stream's last event, byte for byte. */
export function createResponseWhole(echo: Echo): Encoder {
  return {
    ...folded,
    start(options) {
      const answer = createAnswer(echo, { ...options, emit: () => {} })
      return (batch) => {
        answer.write(batch)
        if (answer.response) options.emit(JSON.stringify(answer.response))
      }
    },
  }
}
