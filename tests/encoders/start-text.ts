import type { Encoder, StartOptions } from '../../src/encoders/encoder.ts'
import type { Batch } from '../../src/generation.ts'

/** Starts a stream of this encoder. Returns a function that encodes a batch as frames. */
export function startFrames(encoder: Encoder, { requestId, maxBytes }: Omit<StartOptions, 'emit'>): (batch: Batch) => string[] {
  let frames: string[] = []
  const encode = encoder.start({ requestId, maxBytes, emit: (frame) => frames.push(frame) })
  return (batch) => {
    frames = []
    encode(batch)
    return frames
  }
}

/** Starts a stream of this encoder. Returns a function that encodes a batch as one text. */
export function startText(encoder: Encoder, options: Omit<StartOptions, 'emit'>): (batch: Batch) => string {
  const encode = startFrames(encoder, options)
  return (batch) => encode(batch).join('')
}
