import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIgnored } from '../../../../src/dialects/ignored.ts'
import { toEcho } from '../../../../src/dialects/openai/responses/response.ts'
import { parseResponsesRequest } from '../../../../src/dialects/openai/responses/schema.ts'
import { createResponseStream } from '../../../../src/dialects/openai/responses/stream.ts'
import { createResponseWhole } from '../../../../src/dialects/openai/responses/whole.ts'
import type { Origins } from '../../../../src/dialects/openai/tools.ts'
import { ServiceError } from '../../../../src/errors.ts'
import type { GenerationEvent, OllamaChunk } from '../../../../src/generation.ts'
import { generations } from '../../../arbitrary-generation.ts'
import { ask } from '../../ask.ts'
import { encoderContract } from '../../../contracts/encoder.ts'
import { loadRecording, toBytes, toLines } from '#fake-ollama/recording.ts'
import { accumulate, readTypedEvents, toExpected, toSaid, type ResponseEvent } from './read-response.ts'
import { startText } from '../../../encoders/start-text.ts'

const toAnswered = (body: Record<string, unknown>, origins: Origins = new Map()) => ({
  echo: toEcho(parseResponsesRequest(body, createIgnored())),
  origins,
})
const answered = toAnswered({ model: 'asked', input: 'Hi', metadata: { a: 'b' }, temperature: 0.5 })
const options = { requestId: 'id.1', maxBytes: 1e9 }

const toEvent = (chunk: OllamaChunk): GenerationEvent => ({ type: chunk.done === true ? 'done' : 'delta', line: '', chunk })
const failed = (message = 'it died'): GenerationEvent => ({
  type: 'failed',
  error: new ServiceError('upstream_failed', message),
})
const toIds = (prefix: string, index: number) => ({ id: `${prefix}_id_1_${index}`, status: 'completed' })
const toUtf8 = (text: string) => new TextEncoder().encode(text)
const say = (content: string, more: object = {}) => toEvent({ message: { role: 'assistant', content }, ...more })

/** Returns the typed events that the encoder makes of these generation events. */
const eventsOf = (...events: readonly GenerationEvent[]) =>
  readTypedEvents([toUtf8(startText(createResponseStream(answered), options)(events))])
const typesOf = (events: readonly ResponseEvent[]) => events.map(({ type }) => type)
const chunksOf = (name: string) => toLines(loadRecording(name)).map((line) => JSON.parse(line) as OllamaChunk)

/** Returns how a stream must end after this last event. */
function toEnd(last: GenerationEvent | undefined) {
  if (last?.type === 'failed') return 'failed'
  if (last?.type !== 'done') return undefined
  return last.chunk.done_reason === 'length' ? 'incomplete' : 'completed'
}

const terminals = ['response.completed', 'response.incomplete', 'response.failed']

encoderContract('typed events of a response', {
  encoder: createResponseStream(answered),
  read(pieces) {
    const events = readTypedEvents(pieces)
    if (events.length === 0) return []
    expect(typesOf(events).slice(0, 2)).toEqual(['response.created', 'response.in_progress'])
    const said = accumulate(events)
    const last = events.at(-1)!
    expect(typesOf(events.slice(0, -1)).filter((type) => terminals.includes(type))).toEqual([])
    if (!terminals.includes(last.type)) return [{ said, end: undefined }]
    expect(last.response!.output.map(toSaid)).toEqual(said)
    expect(last.type).toBe(`response.${last.response!.status}`)
    return [{ said, end: last.response!.status, error: last.response!.error }]
  },
  expected(events) {
    if (events.length === 0) return []
    const last = events.at(-1)!
    const error = last.type === 'failed' ? { code: last.error.code, message: last.error.message } : null
    const end = toEnd(last)
    return [{ said: toExpected(events), end, ...(end && { error }) }]
  },
})

encoderContract('a response in one piece', {
  encoder: createResponseWhole(answered),
  read(pieces) {
    const text = Buffer.concat(pieces).toString()
    if (text === '') return []
    const { output, status } = JSON.parse(text) as NonNullable<ResponseEvent['response']>
    return [{ said: output.map(toSaid), end: status }]
  },
  expected(events) {
    const last = events.at(-1)
    return last?.type === 'done' ? [{ said: toExpected(events), end: toEnd(last) }] : []
  },
})

describe('a response', () => {
  test('in one piece equals the response in the stream’s last event, byte for byte', () => {
    fc.assert(
      fc.property(generations, (events) => {
        const streamed = startText(createResponseStream(answered), options)(events)
        const whole = startText(createResponseWhole(answered), options)(events)
        if (whole !== '') expect(streamed.split('\n').at(-3)).toContain(`"response":${whole},`)
        expect(whole !== '').toBe(events.at(-1)?.type === 'done')
      }),
    )
  })

  test('is sent as events of OpenAI’s', () => {
    const events = eventsOf(
      toEvent({ message: { role: 'assistant', thinking: 'hm' } }),
      say('Let me '),
      say('see.', { message: { content: 'see.', tool_calls: [{ function: { name: 'look', arguments: { at: 'it' } } }] } }),
      say('Well', { done: true, done_reason: 'stop' }),
    )
    const text = ['response.output_text.done', 'response.content_part.done', 'response.output_item.done']
    expect(typesOf(events)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      ...text,
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      ...text,
      'response.completed',
    ])
    expect(events.at(-1)!.response!.output).toEqual([
      { id: 'rs_id_1_0', type: 'reasoning', status: 'completed', summary: [{ type: 'summary_text', text: 'hm' }] },
      {
        id: 'msg_id_1_1',
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Let me see.', annotations: [], logprobs: [] }],
      },
      {
        id: 'fc_id_1_2',
        type: 'function_call',
        status: 'completed',
        call_id: 'call_id_1_0',
        name: 'look',
        arguments: '{"at":"it"}',
      },
      {
        id: 'msg_id_1_3',
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Well', annotations: [], logprobs: [] }],
      },
    ])
  })

  test('has the same events, with the same members, as a recording of Ollama’s own', () => {
    const recorded = readTypedEvents([toBytes(loadRecording('v1-responses-stream'))])
    const ours = eventsOf(
      say('In', { model: 'smollm2:135m' }),
      ...[' the', ' context', ' of', ' programming', ','].map((text) => say(text)),
      say('', { done: true, done_reason: 'stop', prompt_eval_count: 10, eval_count: 6 }),
    )
    expect(typesOf(ours)).toEqual(typesOf(recorded))
    for (const [i, event] of recorded.entries()) expect(ours[i]).toMatchObject(toShape(event) as object)
    const { usage } = recorded.at(-1)!.response!
    expect(ours.at(-1)!.response).toMatchObject({ usage, model: 'smollm2:135m' })
  })

  test('has the times of its start and completion, by Ollama’s clock', () => {
    const [created, ...rest] = eventsOf(
      say('a', { created_at: '2026-11-22T10:14:53.032075304Z' }),
      say('', { created_at: '2026-11-22T10:14:59.9Z', done: true }),
    )
    expect(created!.response).toMatchObject({ created_at: 1795342493, completed_at: null, usage: null })
    expect(rest.at(-1)!.response).toMatchObject({ created_at: 1795342493, completed_at: 1795342499 })
  })

  test('repeats the fields of the request', () => {
    const asked = {
      model: 'asked',
      instructions: 'Be brief',
      temperature: 0.5,
      top_p: 0.9,
      max_output_tokens: 7,
      metadata: { a: 'b' },
      reasoning: { effort: 'low', summary: 'auto' },
      text: { format: { type: 'json_schema', name: 'x', schema: { type: 'object' } } },
      tools: [{ type: 'function', name: 'f', description: null, parameters: null, strict: true }],
      tool_choice: 'none',
    }
    const whole = startText(createResponseWhole(toAnswered({ ...asked, input: 'Hi' })), options)([say('a', { done: true })])
    const fixed = { object: 'response', store: false, background: false, previous_response_id: null, parallel_tool_calls: true }
    expect(JSON.parse(whole)).toMatchObject({ ...asked, ...fixed, id: 'resp_id_1' })
  })

  test('that the token limit cut is incomplete, and so is its last item', () => {
    const events = eventsOf(toEvent({ message: { thinking: 'hm' } }), say('a'), say('b', { done: true, done_reason: 'length' }))
    const { type, response } = events.at(-1)!
    expect(type).toBe('response.incomplete')
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      completed_at: null,
      output: [{ status: 'completed' }, { status: 'incomplete' }],
    })
  })

  test('that fails ends with response.failed, which has the error twice: in its response, and as an `error` for which clients throw', () => {
    const events = eventsOf(say('a'), say('b'), failed('no\n\ndata: memory'))
    const { type, response, error } = events.at(-1)!
    expect(type).toBe('response.failed')
    expect(response).toMatchObject({
      status: 'failed',
      error: { code: 'upstream_failed', message: 'no\n\ndata: memory' },
      output: [{ status: 'incomplete', content: [{ text: 'ab' }] }],
      usage: null,
    })
    expect(error).toEqual({ message: 'no\n\ndata: memory', type: 'server_error', code: 'upstream_failed', param: null })
  })

  test('that fails before its first token still begins with response.created', () => {
    const events = eventsOf(failed())
    expect(typesOf(events)).toEqual(['response.created', 'response.in_progress', 'response.failed'])
    expect(events.at(-1)!.response).toMatchObject({ model: 'asked', output: [], status: 'failed' })
  })

  test('without output is complete and empty', () => {
    const events = eventsOf(say('', { done: true, done_reason: 'stop' }))
    expect(typesOf(events)).toEqual(['response.created', 'response.in_progress', 'response.completed'])
    expect(events.at(-1)!.response!.output).toEqual([])
  })

  test('keeps Ollama’s own ids of calls, and makes others that differ', () => {
    const call = (id?: string) => ({ ...(id && { id }), function: { name: 'f', arguments: {} } })
    const { response } = eventsOf(
      toEvent({ message: { tool_calls: [call(), call('call_own')] } }),
      toEvent({ message: { tool_calls: [call()] }, done: true }),
    ).at(-1)!
    expect(response!.output.map(({ call_id: id }) => id)).toEqual(['call_id_1_0', 'call_own', 'call_id_1_2'])
  })

  describe('has log probabilities', () => {
    const one = (token: string) => ({ token, logprob: -1, bytes: [1] })
    const full = (token: string) => ({ ...one(token), top_logprobs: [] })

    test('of each token of its text, with the delta and at the end', () => {
      const events = eventsOf(
        say('a', { logprobs: [{ ...one('a'), top_logprobs: [one('a'), one('b')] }] }),
        say('b', { logprobs: [{ token: 'b', logprob: -2 }] }),
        say('', { done: true }),
      )
      const first = { ...one('a'), top_logprobs: [one('a'), one('b')] }
      const second = { token: 'b', logprob: -2, bytes: [], top_logprobs: [] }
      const deltas = events.filter(({ type }) => type === 'response.output_text.delta')
      expect(deltas.map(({ logprobs }) => logprobs)).toEqual([[first], [second]])
      const done = events.find(({ type }) => type === 'response.output_text.done')!
      expect(done.logprobs).toEqual([first, second])
      expect(events.at(-1)!.response!.output[0]!.content).toMatchObject([{ logprobs: [first, second] }])
    })

    test('that came on lines without text, with the text that they belong to', () => {
      const events = eventsOf(say('', { logprobs: [one('\\u4f')] }), say('你', { logprobs: [one('\\u60')] }))
      const deltas = events.filter(({ type }) => type === 'response.output_text.delta')
      expect(deltas.map(({ delta, logprobs }) => [delta, logprobs])).toEqual([['你', [full('\\u4f'), full('\\u60')]]])
    })

    test('of its text only, and not of its thinking and calls', () => {
      const events = eventsOf(
        say('', { logprobs: [one('<think>')] }),
        say('', { message: { thinking: 'hm' }, logprobs: [one('hm')] }),
        say('', { logprobs: [one('{')] }),
        say('', { message: { tool_calls: [{ function: { name: 'f' } }] } }),
        say('a', { logprobs: [one('a')] }),
      )
      const deltas = events.filter(({ type }) => type === 'response.output_text.delta')
      expect(deltas.map(({ logprobs }) => logprobs)).toEqual([[full('a')]])
    })
  })

  test('has a call in the shape of the tool that was offered', () => {
    const tools = [
      { type: 'custom', name: 'apply_patch' },
      { type: 'namespace', name: 'mcp__pets', tools: [{ type: 'function', name: 'find' }] },
      { type: 'tool_search', execution: 'client', parameters: {} },
    ]
    const calls = [
      { id: 'a', function: { name: 'apply_patch', arguments: { input: '*** Begin' } } },
      { id: 'b', function: { name: 'mcp__pets__find', arguments: { kind: 'cat' } } },
      { id: 'c', function: { name: 'tool_search', arguments: { query: 'dogs' } } },
      { id: 'd', function: { name: 'unknown', arguments: {} } },
    ]
    const events = [toEvent({ message: { tool_calls: calls } }), toEvent({ done: true, done_reason: 'stop' })]
    const of = (stream: boolean) => startText(ask('/v1/responses', { input: 'Hi', tools, stream }).encoder, options)(events)
    const told = readTypedEvents([toUtf8(of(true))])
    const { output } = told.at(-1)!.response!
    expect(output).toEqual([
      { ...toIds('ctc', 0), type: 'custom_tool_call', call_id: 'a', name: 'apply_patch', input: '*** Begin' },
      {
        ...toIds('fc', 1),
        type: 'function_call',
        call_id: 'b',
        name: 'find',
        namespace: 'mcp__pets',
        arguments: '{"kind":"cat"}',
      },
      { ...toIds('fc', 2), type: 'tool_search_call', call_id: 'c', execution: 'client', arguments: { query: 'dogs' } },
      { ...toIds('fc', 3), type: 'function_call', call_id: 'd', name: 'unknown', arguments: '{}' },
    ])
    expect(told.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item)).toEqual(output)
    expect((JSON.parse(of(false)) as { output: unknown }).output).toEqual(output)
    const ofFunction = ['response.function_call_arguments.delta', 'response.function_call_arguments.done']
    expect(typesOf(told).filter((type) => type.includes('_input') || type.includes('arguments'))).toEqual([
      'response.custom_tool_call_input.delta',
      'response.custom_tool_call_input.done',
      ...ofFunction,
      ...ofFunction,
    ])
    expect(told.find(({ type }) => type === 'response.custom_tool_call_input.done')).toMatchObject({ input: '*** Begin' })
  })

  describe('that is longer than the limit', () => {
    const tooLong = expect.objectContaining({ code: 'line_too_long' })

    test.each([
      ['text', say('x'.repeat(80))],
      ['thinking', toEvent({ message: { thinking: 'x'.repeat(80) } })],
      ['calls', toEvent({ message: { tool_calls: [{ function: { name: 'f', arguments: { a: 'x'.repeat(80) } } }] } })],
      ['log probabilities', say('', { logprobs: [{ token: 'x'.repeat(30) }] })],
    ])('fails at the limit, and not before: %s', (_, event) => {
      for (const encoder of [createResponseStream(answered), createResponseWhole(answered)]) {
        const encode = startText(encoder, { requestId: 'id-1', maxBytes: 150 })
        encode([event])
        encode([event])
        expect(() => encode([event])).toThrow(tooLong)
      }
      const encode = startText(createResponseStream(answered), { requestId: 'id-1', maxBytes: 1000 })
      for (let i = 0; i < 4; i++) expect(() => encode([event])).not.toThrow()
    })

    test('ends with a failure event, and has no gap in its sequence numbers', () => {
      const encode = startText(createResponseStream(answered), { requestId: 'id-1', maxBytes: 10 })
      let text = encode([say('x'.repeat(8)), say('y'.repeat(8))])
      expect(() => encode([say('z')])).toThrow(tooLong)
      text += encode([failed()])
      // `readTypedEvents` also checks that the events are numbered from 0.
      const events = readTypedEvents([toUtf8(text)])
      expect(events.at(-1)!.type).toBe('response.failed')
      expect(accumulate(events)).toEqual([{ type: 'message', text: 'x'.repeat(8) + 'y'.repeat(8) }])
    })
  })

  test.each(['chat-stream', 'chat-history', 'chat-thinking', 'chat-tool-call', 'chat-once'])(
    '%s: is read back completely',
    (name) => {
      const chunks = chunksOf(name)
      const events = eventsOf(...chunks.map(toEvent))
      expect(accumulate(events)).toEqual(toExpected(chunks.map(toEvent)))
      const { prompt_eval_count: input_tokens, eval_count: output_tokens } = chunks.at(-1)!
      expect(events.at(-1)!.response).toMatchObject({ usage: { input_tokens, output_tokens } })
    },
  )
})

/** Replaces texts and numbers with matchers, because they differ between runs. */
function toShape(event: unknown): unknown {
  if (Array.isArray(event)) return event.map(toShape)
  if (typeof event === 'string') return expect.any(String)
  if (typeof event === 'number') return expect.anything()
  if (typeof event !== 'object' || event === null) return event
  // Sluice omits values that the request did not set. Ollama sends its defaults instead.
  const ignored = ['temperature', 'top_p', 'max_output_tokens', 'frequency_penalty', 'presence_penalty', 'reasoning', 'status']
  return Object.fromEntries(
    Object.entries(event)
      .filter(([key]) => !ignored.includes(key))
      .map(([key, value]) => [key, key === 'type' || key === 'object' ? value : toShape(value)]),
  )
}
