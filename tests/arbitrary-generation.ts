import * as fc from 'fast-check'
import { ServiceError, type ErrorCode } from '../src/errors.ts'
import type { Batch, GenerationEvent, OllamaChunk } from '../src/generation.ts'

const lineBreaks = ['\r', '\n', '\r\n', '\n\n', '\u2028', '\u2029', '\u0085', '\v']
const framings = [
  'data:',
  '\n\ndata:',
  '\n\ndata: x\n\n',
  'event: done',
  '\nevent: done\n',
  'id: 1\n',
  'retry: 1\n',
  ': ping',
  '[DONE]',
]
const json = ['"done":true', '{"error":"x"}', '"', '\\', '\\n', '</script>']
const characters = ['\0', '\uFEFF', ' ', ':', '\t', '你好', '👩‍👩‍👧', 'é', 'a']

/** Text with parts that look like framing, and with every kind of character. */
export const trickyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .array(fc.constantFrom(...lineBreaks, ...framings, ...json, ...characters), { maxLength: 8 })
    .map((parts) => parts.join('')),
)

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const fields = fc.record({
  model: fc.constant('gemma3:270m'),
  response: optional(trickyText),
  thinking: optional(trickyText),
  message: optional(
    fc.record({
      role: fc.constant('assistant'),
      content: trickyText,
      thinking: optional(trickyText),
      tool_calls: optional(
        fc.array(fc.record({ function: fc.record({ name: trickyText, arguments: fc.constant({ done: true }) }) }), {
          maxLength: 2,
        }),
      ),
    }),
  ),
  logprobs: optional(
    fc.array(fc.record({ token: trickyText, logprob: fc.double({ noNaN: true, noDefaultInfinity: true }) }), { maxLength: 2 }),
  ),
  unknown_field: optional(fc.jsonValue({ maxDepth: 2 })),
})

const tail = fc.record({
  created_at: fc.constant('2026-11-22T10:13:50.5655263Z'),
  done_reason: fc.constantFrom('stop', 'length', 'load'),
  context: optional(fc.array(fc.nat())),
  eval_count: optional(fc.nat()),
})

/** Ways to write JSON: as Ollama does, or with odd but legal white space, including a raw CR. */
const styles = [
  (value: unknown) => JSON.stringify(value),
  (value: unknown) => ` ${JSON.stringify(value)}\t`,
  (value: unknown) => JSON.stringify(value).replace('{', '{\r\t '),
  (value: unknown) => `\r${JSON.stringify(value)}`,
]

/** Makes an event as the decoder does: the chunk is the parsed line. */
function toEvent(value: object, style: (value: unknown) => string): GenerationEvent {
  const line = style(value)
  const chunk = JSON.parse(line) as OllamaChunk
  return { type: chunk.done === true ? 'done' : 'delta', line, chunk }
}

const delta = fc.tuple(fields, fc.constantFrom(...styles)).map(([chunk, style]) => toEvent({ ...chunk, done: false }, style))
const done = fc
  .tuple(fields, tail, fc.constantFrom(...styles))
  .map(([chunk, rest, style]) => toEvent({ ...chunk, ...rest, done: true }, style))
const failed = fc
  .tuple(fc.constantFrom<ErrorCode>('upstream_failed', 'idle_timeout', 'internal', 'upstream_busy'), trickyText)
  .map(([code, message]): GenerationEvent => ({ type: 'failed', error: new ServiceError(code, message) }))

/** The events of a stream: deltas and, in most cases, a terminal event. */
export const generations: fc.Arbitrary<GenerationEvent[]> = fc
  .tuple(
    fc.array(delta, { maxLength: 8 }),
    fc.oneof(
      done.map((event) => [event]),
      failed.map((event) => [event]),
      fc.constant([]),
    ),
  )
  .map(([deltas, terminal]) => [...deltas, ...terminal])

/** Groups the events into batches. */
export function toBatches(events: readonly GenerationEvent[], sizes: readonly number[]): Batch[] {
  const batches: Batch[] = []
  for (let from = 0, i = 0; from < events.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    batches.push(events.slice(from, from + size))
    from += size
  }
  return batches
}

export const batchSizes: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
