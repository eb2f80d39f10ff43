import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Encoder } from '../../src/encoders/encoder.ts'
import { ServiceError } from '../../src/errors.ts'
import type { GenerationEvent } from '../../src/generation.ts'
import { batchSizes, generations, toBatches, trickyText } from '../arbitrary-generation.ts'
import { cutAnywhere, cuts } from '../cuts.ts'
import { startFrames, startText } from '../encoders/start-text.ts'

export interface EncoderContract {
  encoder: Encoder
  /** Parses a stream with a parser that is not part of Sluice. The bytes may be cut anywhere. */
  read(pieces: readonly Uint8Array[]): unknown[]
  /** What `read` must return for these events. */
  expected(events: readonly GenerationEvent[], requestId: string): unknown[]
}

const toUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const options = { requestId: 'id-1', maxBytes: 1e9 }

/** Returns the pattern that one frame must match. */
function toFramePattern(contentType: string): RegExp {
  if (contentType === 'text/event-stream') return /^(?:event: [^\r\n]+\n)?(?:data: [^\r\n]*\n)+\n$/
  if (contentType === 'application/x-ndjson') return /^[^\n]+\n$/
  return /[^]/
}

/** The rules that every encoder must keep (src/encoders/encoder.ts). */
export function encoderContract(name: string, { encoder, read, expected }: EncoderContract) {
  const encodeAll = (events: readonly GenerationEvent[], sizes: readonly number[]) => {
    const encode = startText(encoder, options)
    return toBatches(events, sizes).map((batch) => encode(batch))
  }

  describe(`the contract of encoders: ${name}`, () => {
    test('a reader gets the events that were sent, whatever the batches and however the bytes are cut', () => {
      fc.assert(
        fc.property(generations, batchSizes, cuts, (events, sizes, offsets) => {
          const text = encodeAll(events, sizes).join('')
          expect(read(cutAnywhere(toUtf8(text), offsets))).toEqual(expected(events, options.requestId))
        }),
        { numRuns: 300 },
      )
    })

    test('the text does not depend on the batches', () => {
      fc.assert(
        fc.property(generations, batchSizes, (events, sizes) => {
          expect(encodeAll(events, sizes).join('')).toBe(encodeAll(events, [events.length + 1]).join(''))
        }),
      )
    })

    test('the opening and heartbeats give a reader no event, wherever they are', () => {
      fc.assert(
        fc.property(generations, batchSizes, (events, sizes) => {
          const parts = encodeAll(events, sizes).filter((frames) => frames !== '')
          const text = encoder.opening + parts.map((frames) => encoder.heartbeat + frames + encoder.heartbeat).join('')
          expect(read([toUtf8(text)])).toEqual(expected(events, options.requestId))
        }),
      )
      expect(read([toUtf8(encoder.opening + encoder.heartbeat.repeat(3))])).toEqual([])
    })

    test('one encoder serves any number of streams at once', () => {
      fc.assert(
        fc.property(generations, generations, (a, b) => {
          const [encodeA, encodeB] = [startText(encoder, options), startText(encoder, { ...options, requestId: 'id-2' })]
          let [textA, textB] = ['', '']
          for (let i = 0; i < Math.max(a.length, b.length); i++) {
            if (a[i]) textA += encodeA([a[i]!])
            if (b[i]) textB += encodeB([b[i]!])
          }
          expect(read([toUtf8(textA)])).toEqual(expected(a, 'id-1'))
          expect(read([toUtf8(textB)])).toEqual(expected(b, 'id-2'))
        }),
      )
    })

    test('no character of an error can end its frame', () => {
      fc.assert(
        fc.property(trickyText, (message) => {
          const event: GenerationEvent = { type: 'failed', error: new ServiceError('upstream_failed', message) }
          expect(read([toUtf8(startText(encoder, options)([event]))])).toEqual(expected([event], options.requestId))
        }),
      )
    })

    test('an empty batch writes nothing', () => {
      expect(startText(encoder, options)([])).toBe('')
    })

    test('frames come one by one, each whole', () => {
      fc.assert(
        fc.property(generations, (events) => {
          const frames = startFrames(encoder, options)(events)
          for (const frame of frames) expect(frame).toMatch(toFramePattern(encoder.contentType))
        }),
      )
    })

    test('a failure has a frame, or else the encoder says that it needs a cut', () => {
      const event: GenerationEvent = { type: 'failed', error: new ServiceError('upstream_failed', 'it died') }
      const frames = startFrames(encoder, options)([event])
      // An answer in one piece needs no frame for a failure, and no cut. Nothing is sent before the
      // answer is complete, so a failure can still be sent with its real status.
      const isWhole = encoder.contentType === 'application/json'
      expect(frames.length === 0 && !isWhole).toBe(encoder.failure === 'cut')
    })

    test('its headers are valid, and none is one that a runtime sets itself (hazard 5)', () => {
      const headers = new Headers({ ...encoder.headers, 'content-type': encoder.contentType })
      for (const name of ['transfer-encoding', 'connection', 'content-length']) expect(headers.has(name)).toBe(false)
      expect(encoder.contentType).toMatch(/^[a-z]+\/[a-z-]+(?:; charset=utf-8)?$/)
    })

    test('an encoder with a heartbeat has an opening, as heartbeats start after the commit', () => {
      if (encoder.heartbeat !== '') expect(encoder.opening).not.toBe('')
    })
  })
}
