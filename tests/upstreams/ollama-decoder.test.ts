import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch, GenerationEvent } from '../../src/generation.ts'
import { createDecoder } from '../../src/upstreams/ollama-decoder.ts'
import { cutAnywhere, cuts } from '../cuts.ts'
import { loadRecording, recordingNames, toBytes, toLines } from '#fake-ollama/recording.ts'
import { cutBytes } from '#fake-ollama/scripts.ts'

const toUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Returns all batches, including empty ones. The last batch is the result of `end`. */
function decodeBatches(pieces: readonly Uint8Array[], maxLineBytes = 1_000_000): Batch[] {
  const decoder = createDecoder({ maxLineBytes })
  return [...pieces.map((piece) => decoder.push(piece)), decoder.end()]
}

function decode(pieces: readonly Uint8Array[], maxLineBytes?: number): unknown[] {
  return decodeBatches(pieces, maxLineBytes).flat().map(toComparable)
}

/** Removes an error's stack and cause. */
function toComparable(event: GenerationEvent): unknown {
  if (event.type !== 'failed') return event
  const { code, status, message } = event.error
  return { type: event.type, code, status, message, line: event.line }
}

const decodeText = (text: string) => decode([toUtf8(text)])
const types = (events: readonly unknown[]) => events.map((event) => (event as GenerationEvent).type)

/** Returns the expected event for a line that is no failure. */
const toEvent = (line: string) => {
  const chunk = JSON.parse(line) as { done?: boolean }
  return { type: chunk.done === true ? 'done' : 'delta', line, chunk }
}

const isGeneration = (name: string) => {
  const { status, request } = loadRecording(name)
  return status === 200 && ['/api/generate', '/api/chat'].includes(request.path)
}
const recordings = recordingNames()
const generations = recordings.filter((name) => isGeneration(name) && !name.endsWith('/runner-dies'))
const finished = generations.filter((name) => loadRecording(name).ended === 'clean end' && !name.endsWith('-truncated'))

const delta = (text: string) => JSON.stringify({ model: 'm', response: text, done: false })
const done = '{"model":"m","response":"","done":true,"done_reason":"stop"}'

describe('a recording', () => {
  test.each(generations)('%s: every line is an event, verbatim', (name) => {
    const recording = loadRecording(name)
    expect(decode([toBytes(recording)])).toEqual(toLines(recording).map(toEvent))
  })

  test.each(finished)('%s: ends with done', (name) => {
    const events = types(decode([toBytes(loadRecording(name))]))
    expect(events.indexOf('done')).toBe(events.length - 1)
  })

  test('of a runner that dies ends with Ollama’s message, and its line', () => {
    const recording = loadRecording('runner-dies')
    const last = toLines(recording).at(-1)!
    const events = decode([toBytes(recording)])
    expect(events.slice(0, -1)).toEqual(toLines(recording).slice(0, -1).map(toEvent))
    expect(events.at(-1)).toEqual({
      type: 'failed',
      code: 'upstream_failed',
      status: 502,
      message: (JSON.parse(last) as { error: string }).error,
      line: last,
    })
  })

  test('gives the same events however it is cut', () => {
    fc.assert(
      fc.property(fc.constantFrom(...recordings), cuts, (name, offsets) => {
        const bytes = toBytes(loadRecording(name))
        expect(decode(cutAnywhere(bytes, offsets))).toEqual(decode([bytes]))
      }),
      { numRuns: 400 },
    )
  })

  test.each(recordings)('%s: gives the same events byte by byte', (name) => {
    const bytes = toBytes(loadRecording(name))
    expect(decode(cutBytes(bytes, 'bytewise'))).toEqual(decode([bytes]))
  })

  test.each(['generate-chinese', 'chat-tool-call'])(
    '%s: the same events with CRLF, blank lines, a BOM and no last LF',
    (name) => {
      const lines = toLines(loadRecording(name))
      const toText = (events: readonly unknown[]) => events.map((event) => (event as { line: string }).line)
      const odd = ['', '\r', ' ', '\t\r', ...lines.flatMap((line) => [`${line}\r`, '', '\r'])]
      const bytes = toUtf8(`\uFEFF${odd.join('\n')}\n`)
      expect(toText(decode([bytes]))).toEqual(lines)
      expect(toText(decode(cutBytes(bytes, 'bytewise')))).toEqual(lines)
      expect(decodeText(lines.join('\n'))).toEqual(lines.map(toEvent))
    },
  )

  test('with a broken byte anywhere gives the lines before it and one failure', () => {
    fc.assert(
      fc.property(fc.constantFrom(...finished), fc.nat(20_000), cuts, (name, place, offsets) => {
        const recording = loadRecording(name)
        const bytes = toBytes(recording)
        const at = place % bytes.length
        const broken = Uint8Array.from([...bytes.subarray(0, at), 0xff, ...bytes.subarray(at)])
        const linesBefore = bytes.subarray(0, at).filter((byte) => byte === 0x0a).length
        const events = decode(cutAnywhere(broken, offsets))
        expect(events.slice(0, -1)).toEqual(toLines(recording).slice(0, linesBefore).map(toEvent))
        expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'upstream_protocol' })
      }),
      { numRuns: 200 },
    )
  })
})

describe('a terminal', () => {
  test.each([
    ['a line', delta('more')],
    ['another done', done],
    ['an error', '{"error":"late"}'],
    ['no JSON', 'oops'],
    ['an endless line', 'x'.repeat(5000)],
  ])('done is the last event, whatever follows it: %s', (_, after) => {
    for (const pieces of [[`${done}\n${after}\n`], [`${done}\n`, `${after}\n`], [`${done}\n${after.slice(0, 3)}`, after]])
      expect(types(decode(pieces.map(toUtf8), 1000))).toEqual(['done'])
  })

  test('done is the last event, even if broken UTF-8 follows in its piece', () => {
    expect(types(decode([Uint8Array.from([...toUtf8(`${delta('a')}\n${done}\n`), 0xff, 0x0a])]))).toEqual(['delta', 'done'])
  })

  test('a failure is the last event, even if a good line follows', () => {
    expect(types(decodeText(`${delta('a')}\noops\n${done}\n`))).toEqual(['delta', 'failed'])
    expect(types(decodeText(`{"error":"x"}\n${done}\n`))).toEqual(['failed'])
  })

  test('is the last of its batch, and the later batches are empty', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(delta('a'), done, '', 'oops', '{"error":"x"}')), cuts, (lines, offsets) => {
        const batches = decodeBatches(cutAnywhere(toUtf8(lines.join('\n')), offsets))
        const events = batches.flat()
        const terminal = events.findIndex(({ type }) => type !== 'delta')
        if (terminal !== -1) expect(terminal).toBe(events.length - 1)
      }),
    )
  })

  test.each([
    ['in the arguments of a tool call', { message: { tool_calls: [{ function: { name: 'f', arguments: { done: true } } }] } }],
    ['in a text', { response: '"done":true' }],
    ['in a nested object', { more: { done: true } }],
    ['as a text', { done: 'true' }],
    ['as a number', { done: 1 }],
  ])('is not `"done":true` %s', (_, chunk) => {
    const line = JSON.stringify({ done: false, ...chunk })
    expect(types(decodeText(`${line}\n${done}\n`))).toEqual(['delta', 'done'])
  })

  test('is a done line without its LF, at the end of the source', () => {
    const decoder = createDecoder({ maxLineBytes: 1000 })
    expect(decoder.push(toUtf8(done))).toEqual([])
    expect(types(decoder.end())).toEqual(['done'])
  })

  test('is not emitted at the end of an empty source', () => {
    expect(decodeText('')).toEqual([])
    expect(decodeText('\n\r\n \n')).toEqual([])
    expect(types(decodeText(`${delta('a')}\n`))).toEqual(['delta'])
  })
})

describe('a fault', () => {
  test.each([
    ['no JSON', '{"model": oops}'],
    ['cut JSON', '{"model":"x","resp'],
    ['an array', '[{"done":true}]'],
    ['a string', '"hello"'],
    ['a number', '42'],
    ['null', 'null'],
    ['HTML', '<html></html>'],
    ['two objects in a line', `${delta('a')}${delta('b')}`],
    ['a BOM of a second line', `\uFEFF${delta('a')}`],
  ])('%s: is upstream_protocol, and its message repeats no received byte', (_, line) => {
    const [, event] = decodeText(`${delta('a')}\n${line}\n`)
    expect(event).toMatchObject({ type: 'failed', code: 'upstream_protocol', status: 502 })
    expect((event as { message: string }).message).not.toContain(line)
  })

  test.each([
    { response: 5 },
    { thinking: {} },
    { message: 'x' },
    { message: [] },
    { message: { content: 5 } },
    { message: { thinking: true } },
    { message: { tool_calls: {} } },
    { message: { tool_calls: [null] } },
    { message: { tool_calls: [{ id: 5 }] } },
    { message: { tool_calls: [{ function: 'f' }] } },
    { message: { tool_calls: [{ function: { name: 5 } }] } },
    { model: 5 },
    { created_at: { toString: 5 } },
    { logprobs: {} },
    { logprobs: ['x'] },
    { logprobs: [{ token: 'x', top_logprobs: [null] }] },
    { done: true, done_reason: 5 },
    { done: true, prompt_eval_count: '5' },
    { done: true, eval_count: {} },
  ])('a type that no encoder expects is upstream_protocol: %j', (chunk) => {
    const line = JSON.stringify({ model: 'm', done: false, ...chunk })
    expect(decodeText(`${delta('a')}\n${line}\n${done}`)).toMatchObject([
      { type: 'delta' },
      { type: 'failed', code: 'upstream_protocol', status: 502 },
    ])
  })

  test.each([
    {},
    { response: null, thinking: null, message: null, model: null, created_at: null, logprobs: null },
    { message: { content: null, thinking: null, tool_calls: null } },
    { message: { role: 5, tool_calls: [{ function: { arguments: 5 } }], images: {} }, future: [5] },
    { status: 'success', total: 5, logprobs: [{}] },
  ])('absent or unknown fields are no fault: %j', (chunk) => {
    expect(decodeText(JSON.stringify(chunk))).toEqual([{ type: 'delta', line: JSON.stringify(chunk), chunk }])
  })

  test('an error of Ollama’s own is reported, whatever other fields its line has', () => {
    expect(decodeText('{"error":"it died","response":5}')).toMatchObject([{ code: 'upstream_failed', message: 'it died' }])
  })

  test.each([
    ['a text', '{"error":"it died"}', 'it died'],
    ['a text beside done', '{"error":"it died","done":true}', 'it died'],
    ['an object with a message', '{"error":{"message":"it died","type":"api"}}', 'it died'],
    ['with a status', '{"StatusCode":500,"Status":"500","error":"it died"}', 'it died'],
    ['nothing', '{"error":""}', 'Ollama failed and did not say why; look at its log'],
    ['null', '{"error":null}', 'Ollama failed and did not say why; look at its log'],
    ['with an address', '{"error":"dial tcp 10.0.0.7:1234: refused"}', 'dial tcp [address]: refused'],
  ])('an error line of %s is upstream_failed', (_, line, message) => {
    expect(decodeText(line)).toEqual([{ type: 'failed', code: 'upstream_failed', status: 502, message, line }])
  })

  test('a line over the limit is line_too_long, one at the limit is an event', () => {
    const line = delta('x'.repeat(100))
    expect(types(decode([toUtf8(`${line}\n`)], line.length))).toEqual(['delta'])
    expect(decode([toUtf8(line)], line.length - 1)).toMatchObject([{ type: 'failed', code: 'line_too_long', status: 502 }])
  })

  test('is reported before the end of the line', () => {
    const decoder = createDecoder({ maxLineBytes: 1000 })
    expect(types(decoder.push(toUtf8(`${delta('a')}\n${'x'.repeat(1001)}`)))).toEqual(['delta', 'failed'])
  })

  test('the decoder never throws, for any bytes, and emits one terminal', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom('{', '}', '"', 'done', ':', 'true', 'error', '\n', '\r', '[', ',', '1', '\uFEFF', '𝄞'))
        .map((parts) => toUtf8(parts.join(''))),
      fc.json().map((text) => toUtf8(`${text}\n${text}`)),
    )
    fc.assert(
      fc.property(bytes, cuts, fc.integer({ min: 1, max: 400 }), (input, offsets, maxLineBytes) => {
        const events = decodeBatches(cutAnywhere(input, offsets), maxLineBytes).flat()
        expect(events.slice(0, -1).every(({ type }) => type === 'delta')).toBe(true)
        expect(decode(cutAnywhere(input, offsets), maxLineBytes)).toEqual(decode([input], maxLineBytes))
      }),
      { numRuns: 500 },
    )
  })

  test('deep JSON does not throw either', () => {
    expect(types(decodeText(`{"error":${'{"message":'.repeat(100_000)}1${'}'.repeat(100_000)}}`))).toEqual(['failed'])
    expect(types(decodeText(`${'['.repeat(200_000)}\n`))).toEqual(['failed'])
  })
})

describe('a number', () => {
  const decode = (line: string) => {
    const [event] = createDecoder({ maxLineBytes: 1000 }).push(new TextEncoder().encode(`${line}\n`))
    return event?.type === 'failed' ? undefined : event?.chunk
  }

  test.each([
    '{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"id":1234567890123456789}}}]},"future":1.0}',
    '{"logprobs":[{"logprob":-1.50}]}',
    '{"done":true,"eval_count":18.0}',
  ])('that an encoder may write again keeps its digits: %s', (line) => {
    expect(JSON.stringify(decode(line))).toBe(line)
  })

  test('of an unknown field on a token line is an ordinary JavaScript number', () => {
    expect(decode('{"response":"a","future":1.0,"done":false}')).toEqual({ response: 'a', future: 1, done: false })
  })

  test('is refused where a message or a log probability belongs', () => {
    expect(decode('{"logprobs":[1.0]}')).toBeUndefined()
    expect(decode('{"message":1.0,"done":true}')).toBeUndefined()
  })
})
