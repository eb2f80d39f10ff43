import { describe, expect, test } from 'vitest'
import { openai } from '../../../../src/dialects/openai/openai.ts'
import { toResponseCall } from '../../../../src/dialects/openai/responses/call.ts'
import { parseResponsesRequest } from '../../../../src/dialects/openai/responses/schema.ts'
import type { ServiceError } from '../../../../src/errors.ts'

const toCall = (body: object) => toResponseCall(parseResponsesRequest({ ...body }))
/** The body that Ollama gets, as JSON. */
const toBody = (body: object) => JSON.parse(JSON.stringify(toCall({ input: 'Hi', ...body }).body)) as Record<string, unknown>
const toMessages = (input: unknown, more: object = {}) => toBody({ input, ...more }).messages

/** Where it is wrong, and what is. */
function refusalOf(body: object): { code: string; path: string | undefined } {
  try {
    toCall(body)
  } catch (error) {
    const { code, issues } = error as ServiceError
    return { code, path: issues?.[0]?.path }
  }
  throw new Error('It was not refused')
}

const call = (id: string, name = 'look', args = '{"at":"it"}') => ({
  type: 'function_call',
  call_id: id,
  name,
  arguments: args,
})
const output = (id: string, value: unknown = 'a cat') => ({ type: 'function_call_output', call_id: id, output: value })
const thought = (text: string) => ({ type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text }] })
const called = (id: string, name = 'look') => ({ id, function: { name, arguments: { at: 'it' } } })
const png = 'iVBORw0KGgo='

describe('a request for a response', () => {
  test('is a chat, and no stream unless it says so', () => {
    const plan = (body: object) =>
      openai.generations['/v1/responses']!({ accept: undefined, canCut: true, body: { input: 'Hi', ...body } })
    for (const more of [{}, { stream: null }, { stream: false }])
      expect(plan({ model: 'gemma3', ...more })).toMatchObject({
        call: { endpoint: 'chat', model: 'gemma3' },
        encoder: { contentType: 'application/json' },
      })
    const streamed = { call: { model: undefined }, encoder: { contentType: 'text/event-stream' } }
    expect(plan({ stream: true })).toMatchObject(streamed)
    expect(toBody({})).toEqual({ messages: [{ role: 'user', content: 'Hi' }], options: {} })
  })

  test.each<[string, unknown, unknown]>([
    ['a text', 'Hi', [{ role: 'user', content: 'Hi' }]],
    ['an empty text', '', [{ role: 'user', content: '' }]],
    ['a message that has null for its type', [{ type: null, role: 'user', content: 'A' }], [{ role: 'user', content: 'A' }]],
    [
      'messages',
      [
        { role: 'system', content: 'A' },
        { type: 'message', role: 'developer', content: 'B' },
        { role: 'user', content: [{ type: 'input_text', text: 'C' }] },
        {
          id: 'msg_1',
          status: 'completed',
          type: 'message',
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'D', annotations: [], logprobs: [] },
            { type: 'refusal', refusal: 'E' },
          ],
        },
      ],
      [
        { role: 'system', content: 'A' },
        { role: 'system', content: 'B' },
        { role: 'user', content: 'C' },
        { role: 'assistant', content: 'D\nE' },
      ],
    ],
    [
      'images',
      [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What' },
            { type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${png}` },
            { type: 'input_text', text: 'is it?' },
          ],
        },
      ],
      [{ role: 'user', content: 'What\nis it?', images: [png] }],
    ],
    [
      'a turn of the model’s, which is one message: thinking, text and calls',
      [
        { role: 'user', content: 'A' },
        thought('hm'),
        { role: 'assistant', content: 'B' },
        call('1'),
        call('2'),
        output('1'),
        output('2', [{ type: 'input_text', text: 'a dog' }]),
        { role: 'assistant', content: 'C' },
        { role: 'user', content: 'D' },
      ],
      [
        { role: 'user', content: 'A' },
        { role: 'assistant', content: 'B', thinking: 'hm', tool_calls: [called('1'), called('2')] },
        { role: 'tool', content: 'a cat', tool_name: 'look', tool_call_id: '1' },
        { role: 'tool', content: 'a dog', tool_name: 'look', tool_call_id: '2' },
        { role: 'assistant', content: 'C' },
        { role: 'user', content: 'D' },
      ],
    ],
    [
      'a call without a text',
      [{ role: 'user', content: 'A' }, thought('hm'), call('1'), output('1')],
      [
        { role: 'user', content: 'A' },
        { role: 'assistant', content: '', thinking: 'hm', tool_calls: [called('1')] },
        { role: 'tool', content: 'a cat', tool_name: 'look', tool_call_id: '1' },
      ],
    ],
    [
      'two answers of the model’s in a row, which stay two',
      [
        { role: 'assistant', content: 'A' },
        { role: 'assistant', content: 'B' },
        thought('hm'),
        { role: 'assistant', content: 'C' },
      ],
      [
        { role: 'assistant', content: 'A' },
        { role: 'assistant', content: 'B' },
        { role: 'assistant', content: 'C', thinking: 'hm' },
      ],
    ],
    [
      'reasoning as its own text, and none that is only encrypted',
      [
        { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'raw' }] },
        { role: 'assistant', content: 'A' },
        { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: 'gAAAA' },
        { role: 'user', content: 'B' },
      ],
      [
        { role: 'assistant', content: 'A', thinking: 'raw' },
        { role: 'user', content: 'B' },
      ],
    ],
    [
      'a call without arguments',
      [call('1', 'now', ''), output('1')],
      [
        { role: 'assistant', content: '', tool_calls: [{ id: '1', function: { name: 'now', arguments: {} } }] },
        { role: 'tool', content: 'a cat', tool_name: 'now', tool_call_id: '1' },
      ],
    ],
  ])('takes %s', (_, input, messages) => {
    expect(toMessages(input)).toEqual(messages)
  })

  test('takes a turn of very many calls, in time', () => {
    const [turn] = toMessages(Array.from({ length: 100_000 }, () => call('1'))) as { tool_calls: object[] }[]
    expect(turn?.tool_calls).toHaveLength(100_000)
  })

  test('puts its instructions first', () => {
    expect(toMessages('Hi', { instructions: 'Be brief' })).toEqual([
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
    ])
  })

  const parameters = { type: 'object', properties: { at: { type: 'string' } }, required: ['at'] }
  const tool = { type: 'function', name: 'look', description: 'Looks', parameters, strict: true }
  const lookAtNothing = { type: 'function', name: 'look', parameters: null }

  test.each<[string, object, object]>([
    [
      'numbers',
      { temperature: 0.5, top_p: 0.9, max_output_tokens: 7 },
      { options: { temperature: 0.5, top_p: 0.9, num_predict: 7 } },
    ],
    [
      'tools',
      { tools: [tool] },
      { tools: [{ type: 'function', function: { name: 'look', description: 'Looks', parameters } }] },
    ],
    [
      'a tool that takes nothing',
      { tools: [lookAtNothing], tool_choice: 'auto' },
      { tools: [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }] },
    ],
    ['tools that must not be called', { tools: [tool], tool_choice: 'none' }, {}],
    ['no tools', { tools: [], tool_choice: 'auto' }, {}],
    ['text', { text: { format: { type: 'text' }, verbosity: 'medium' } }, {}],
    ['JSON', { text: { format: { type: 'json_object' } } }, { format: 'json' }],
    [
      'a schema',
      { text: { format: { type: 'json_schema', name: 'x', strict: true, schema: parameters } } },
      { format: parameters },
    ],
    ['effort', { reasoning: { effort: 'high', summary: 'auto' } }, { think: 'high' }],
    ['no effort', { reasoning: { effort: 'none' } }, { think: false }],
    ['any effort', { reasoning: { effort: null, summary: 'detailed' } }, {}],
    ['log probabilities', { include: ['message.output_text.logprobs'] }, { logprobs: true }],
    ['several log probabilities', { top_logprobs: 3 }, { logprobs: true, top_logprobs: 3 }],
    ['no log probabilities', { top_logprobs: 0 }, {}],
    ['keep_alive, which is Ollama’s own', { keep_alive: '5m' }, { keep_alive: '5m' }],
  ])('asks for %s', (_, body, asked) => {
    expect(toBody(body)).toEqual({ messages: [{ role: 'user', content: 'Hi' }], options: {}, ...asked })
  })

  test.each<[object]>([
    [{ store: false, background: false, truncation: 'disabled', parallel_tool_calls: true }],
    [{ user: 'me', metadata: { a: 'b' }, service_tier: 'flex', safety_identifier: 'x', prompt_cache_key: 'y' }],
    [{ stream_options: { include_obfuscation: false }, include: ['reasoning.encrypted_content'] }],
    [{ previous_response_id: null, conversation: null, prompt: null, store: null, max_tool_calls: null, include: null }],
    [{ temperature: null, top_p: null, max_output_tokens: null, reasoning: null, text: null, tools: null, tool_choice: null }],
    [{ instructions: null, stream: null, metadata: null, top_logprobs: null, model: null, keep_alive: null }],
    [{ a_field_to_come: 1, context_management: [] }],
  ])('ignores %j', (body) => {
    expect(toBody(body)).toEqual(toBody({}))
  })

  test.each<[string, object]>([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['previous_response_id', { previous_response_id: 'resp_1', input: undefined }],
    ['conversation', { conversation: 'conv_1' }],
    ['conversation', { conversation: { id: 'conv_1' } }],
    ['store', { store: true }],
    ['background', { background: true }],
    ['prompt', { prompt: { id: 'pmpt_1' }, input: undefined }],
    ['truncation', { truncation: 'auto' }],
    ['max_tool_calls', { max_tool_calls: 3 }],
    ['parallel_tool_calls', { parallel_tool_calls: false }],
    ['moderation', { moderation: { model: 'x' } }],
    ['context_management', { context_management: [{ type: 'compaction' }] }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tool_choice: { type: 'function', name: 'look' } }],
    ['text.verbosity', { text: { verbosity: 'low' } }],
    ['include.1', { include: ['message.output_text.logprobs', 'file_search_call.results'] }],
    ['tools.1.type', { tools: [tool, { type: 'web_search' }] }],
    ['tools.0.type', { tools: [{ type: 'custom', name: 'x' }] }],
    ['input.0.type', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
    [
      'input.1.type',
      {
        input: [
          { role: 'user', content: 'Hi' },
          { type: 'web_search_call', id: 'ws_1' },
        ],
      },
    ],
    ['input.0.content.0.type', { input: [{ role: 'user', content: [{ type: 'input_file', file_data: 'x' }] }] }],
    ['input.0.content.0.type', { input: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }],
    ['input.0.content.0.file_id', { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }] }],
    [
      'input.0.content.0.image_url',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'https://evil.test/x.png' }] }] },
    ],
  ])('is refused for %s: %j', (path, body) => {
    expect(refusalOf({ input: 'Hi', ...body })).toEqual({ code: 'not_supported', path })
  })

  test.each<[string, object]>([
    ['input', { input: undefined }],
    ['input', { input: null }],
    ['input', { input: 5 }],
    ['input', { input: {} }],
    ['input', { input: [] }],
    ['input', { input: [thought('hm')] }],
    ['input.0', { input: ['Hi'] }],
    ['input.0.role', { input: [{ content: 'Hi' }] }],
    ['input.0.role', { input: [{ role: 'tool', content: 'Hi' }] }],
    ['input.0.role', { input: [{ role: 5, content: 'Hi' }] }],
    ['input.0.type', { input: [{ type: 5, role: 'user', content: 'Hi' }] }],
    ['input.0.content', { input: [{ role: 'user' }] }],
    ['input.0.content', { input: [{ role: 'user', content: null }] }],
    ['input.0.content', { input: [{ role: 'user', content: 5 }] }],
    ['input.0.content.0', { input: [{ role: 'user', content: ['Hi'] }] }],
    ['input.0.content.0.type', { input: [{ role: 'user', content: [{ text: 'Hi' }] }] }],
    ['input.0.content.0.text', { input: [{ role: 'user', content: [{ type: 'input_text' }] }] }],
    ['input.0.content.0.image_url', { input: [{ role: 'user', content: [{ type: 'input_image' }] }] }],
    [
      'input.0.content.0.image_url',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,?' }] }] },
    ],
    ['input.0.call_id', { input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }],
    ['input.0.arguments', { input: [call('1', 'f', '{')] }],
    ['input.0.arguments', { input: [call('1', 'f', '[]')] }],
    ['input.0.arguments', { input: [call('1', 'f', '['.repeat(100_000))] }],
    ['input.0.arguments', { input: [call('1', 'f', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`)] }],
    ['input.0.arguments', { input: [{ ...call('1'), arguments: {} }] }],
    ['input.0.call_id', { input: [output('nobody')] }],
    ['input.0.call_id', { input: [output('1'), call('1')] }],
    ['input.1.output', { input: [call('1'), output('1', 5)] }],
    ['input.0.summary.0.text', { input: [{ type: 'reasoning', summary: [{}] }, call('1')] }],
    ['model', { model: 5 }],
    ['model', { model: '../x' }],
    ['stream', { stream: 'true' }],
    ['instructions', { instructions: ['Hi'] }],
    ['temperature', { temperature: '1' }],
    ['top_p', { top_p: true }],
    ['max_output_tokens', { max_output_tokens: 1.5 }],
    ['max_output_tokens', { max_output_tokens: 0 }],
    ['max_output_tokens', { max_output_tokens: -1 }],
    ['top_logprobs', { top_logprobs: 21 }],
    ['include', { include: 'x' }],
    ['reasoning', { reasoning: 'high' }],
    ['reasoning.effort', { reasoning: { effort: 'much' } }],
    ['text', { text: [] }],
    ['text.format.type', { text: { format: { type: 'yaml' } } }],
    ['text.format.schema', { text: { format: { type: 'json_schema', name: 'x' } } }],
    ['tools', { tools: {} }],
    ['tools.0.type', { tools: [{ name: 'f' }] }],
    ['tools.0.name', { tools: [{ type: 'function' }] }],
    ['tools.0.name', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['tools.0.parameters', { tools: [{ type: 'function', name: 'f', parameters: [] }] }],
    ['tool_choice', { tool_choice: 'always' }],
    ['store', { store: 'yes' }],
    ['background', { background: 1 }],
    ['truncation', { truncation: 'some' }],
    ['metadata', { metadata: [] }],
  ])('is wrong at %s: %j', (path, body) => {
    expect(refusalOf({ input: 'Hi', ...body })).toEqual({ code: 'invalid_request', path })
  })

  test('never has what was sent in the text that refuses it', () => {
    const secret = 'hunter2'
    for (const body of [
      { input: [{ type: secret }] },
      { input: [{ role: secret, content: secret }] },
      { input: [{ role: 'user', content: [{ type: secret }] }] },
      { input: [call('1', secret, secret)] },
      { input: [output(secret)] },
      { input: 'Hi', tools: [{ type: secret }] },
      { input: 'Hi', include: [secret] },
      { input: 'Hi', previous_response_id: secret },
      { input: 'Hi', tool_choice: secret },
      { input: 'Hi', text: { verbosity: secret } },
    ])
      expect(() => toCall(body)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret) }))
  })
})
