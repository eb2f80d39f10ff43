import type { Encoder } from '../encoders/encoder.ts'
import type { ErrorCode } from '../errors.ts'

/**
 * The parts of an encoder that can be stored. The encoder itself may keep the tools of its request
 * in memory.
 */
export type EncoderParts = Pick<Encoder, 'contentType' | 'headers' | 'opening' | 'heartbeat' | 'failure'>

export function toEncoderParts({ contentType, headers, opening, heartbeat, failure }: Encoder): EncoderParts {
  return { contentType, headers, opening, heartbeat, failure }
}

/**
 * Returns an encoder that can only report failures, with the frames that another encoder has made
 * for their codes.
 */
export function toRepeatingEncoder(parts: EncoderParts, failures: Readonly<Partial<Record<ErrorCode, string>>>): Encoder {
  return {
    ...parts,
    start:
      ({ emit }) =>
      (batch) => {
        for (const event of batch) if (event.type === 'failed') emit(failures[event.error.code] ?? '')
      },
  }
}
