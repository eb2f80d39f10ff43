import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { toFrame, toLines } from '../../src/encoders/frame.ts'
import { readEvents } from './read-events.ts'

test.each([
  [['{}'], 'data: {}\n\n'],
  [['{}', 'done'], 'event: done\ndata: {}\n\n'],
] as const)('%j is a frame', ([data, event], frame) => {
  expect(toFrame(data, event)).toBe(frame)
})

test('text of several lines comes back from an independent reader, its line ends as LF', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', ' ', ':', '\n', '\r', '\r\n', 'data: ', 'ä'), minLength: 1 })
  fc.assert(
    fc.property(texts, (text) => {
      const [event] = readEvents([Buffer.from(toFrame(toLines(text), 'messages'))])
      expect(event).toMatchObject({ event: 'messages', data: text.replaceAll(/\r\n|\r/g, '\n') })
    }),
  )
})
