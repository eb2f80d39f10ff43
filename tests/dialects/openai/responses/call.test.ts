import { describe, expect, test } from 'vitest'
import { ask, toMade, type Json } from '../../ask.ts'
import { expectRefused } from '../../expect-refused.ts'

const respond = (body: Json) => ask('/v1/responses', { input: 'Hi', ...body })
const toBody = (body: Json) => respond(body).body
const toMessages = (input: unknown, more: Json = {}) => toBody({ input, ...more }).messages

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
  test('is sent to chat, and is a stream only if it asks for one', () => {
    for (const more of [{}, { stream: null }, { stream: false }])
      expect(respond({ model: 'gemma3', ...more })).toMatchObject({
        call: { endpoint: 'chat', model: 'gemma3' },
        encoder: { contentType: 'application/json' },
      })
    const streamed = { call: { model: undefined }, encoder: { contentType: 'text/event-stream' } }
    expect(respond({ stream: true })).toMatchObject(streamed)
    expect(toMade(respond({}))).toEqual({
      body: { messages: [{ role: 'user', content: 'Hi' }], options: {} },
      header: undefined,
    })
  })

  test.each<[string, unknown, unknown]>([
    ['a text', 'Hi', [{ role: 'user', content: 'Hi' }]],
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

  test('accepts a turn of 100,000 calls without a timeout', () => {
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

  test.each<[string, Json, object]>([
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
    ['an effort of a model to come', { reasoning: { effort: 'deep' } }, { think: 'deep' }],
    ['no limit', { max_output_tokens: -1 }, {}],
    ['no format', { text: { format: {} } }, {}],
    ['a schema that is not given', { text: { format: { type: 'json_schema', name: 'x' } } }, { format: 'json' }],
    ['no effort', { reasoning: { effort: 'none' } }, { think: false }],
    ['any effort', { reasoning: { effort: null, summary: 'detailed' } }, {}],
    ['log probabilities', { include: ['message.output_text.logprobs'] }, { logprobs: true }],
    ['several log probabilities', { top_logprobs: 3 }, { logprobs: true, top_logprobs: 3 }],
    ['no log probabilities', { top_logprobs: 0 }, {}],
    ['keep_alive, which is Ollama’s own', { keep_alive: '5m' }, { keep_alive: '5m' }],
  ])('asks for %s', (_, body, asked) => {
    expect(toBody(body)).toEqual({ messages: [{ role: 'user', content: 'Hi' }], options: {}, ...asked })
  })

  test.each<Json>([
    { store: false, background: false, truncation: 'disabled', parallel_tool_calls: true },
    { user: 'me', metadata: { a: 'b' }, service_tier: 'flex', safety_identifier: 'x', prompt_cache_key: 'y' },
    { stream_options: { include_obfuscation: false }, include: ['reasoning.encrypted_content'], client_metadata: { a: 'b' } },
    { previous_response_id: null, conversation: null, prompt: null, store: null, max_tool_calls: null, include: null },
    { temperature: null, top_p: null, max_output_tokens: null, reasoning: null, text: null, tools: null, tool_choice: null },
    { instructions: null, stream: null, metadata: null, top_logprobs: null, model: null, keep_alive: null },
    { context_management: [], previous_response_id: '', conversation: {}, prompt: {}, moderation: {}, text: {} },
    { text: { verbosity: 'medium' } },
  ])('ignores %j without naming it in the header', (body) => {
    expect(toMade(respond(body))).toEqual({ body: toBody({}), header: undefined })
  })

  test.each<[string, Json]>([
    ['store', { store: true }],
    ['store', { store: 'yes' }],
    ['background', { background: 1 }],
    ['truncation', { truncation: 'auto' }],
    ['max_tool_calls', { max_tool_calls: 3 }],
    ['parallel_tool_calls', { parallel_tool_calls: false }],
    ['moderation', { moderation: { model: 'x' } }],
    ['context_management', { context_management: [{ type: 'compaction' }] }],
    ['text.verbosity', { text: { verbosity: 'low' } }],
    ['text.verbosity', { text: { verbosity: 5 } }],
    ['include.1', { include: ['reasoning.encrypted_content', 'file_search_call.results'] }],
    ['include', { include: 'x' }],
    ['instructions', { instructions: ['Hi'] }],
    ['temperature', { temperature: '1' }],
    ['top_p', { top_p: true }],
    ['max_output_tokens', { max_output_tokens: 1.5 }],
    ['top_logprobs', { top_logprobs: 21 }],
    ['reasoning', { reasoning: 'high' }],
    ['reasoning', { reasoning: { effort: 5 } }],
    ['tool_choice', { tool_choice: 'always' }],
    ['metadata', { metadata: ['x'] }],
    ['tools.0, tools.1, tools.2', { tools: [{ type: 'web_search', external_web_access: false }, { name: 'f' }, 5] }],
    ['tools.0, tools.1', { tools: [{ type: 'function' }, { type: 'function', function: { name: 'f' } }] }],
    ['tools.0', { tools: [{ type: 'tool_search', execution: 'server' }] }],
    ['tools.0', { tools: [{ type: 'namespace', tools: [tool] }] }],
    [
      'tools.0.tools.0',
      { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'namespace', name: 'm', tools: [tool] }] }] },
    ],
    ['tools.0.tools.0', { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function' }] }] }],
    ['+2 unknown', { a_field_to_come: 1, seed: 5 }],
  ])('ignores a field, and names %s in the header: %j', (header, body) => {
    expect(toMade(respond(body))).toEqual({ body: toBody({}), header })
  })

  test('offers the tools of Codex, each under a unique name', () => {
    const namespace = (name: string) => ({
      type: 'namespace',
      name,
      description: 'x',
      tools: [tool, { type: 'custom', name: 'say' }],
    })
    const grammar = { type: 'grammar', syntax: 'regex', definition: 'a+' }
    const tools = [
      tool,
      namespace('mcp__pets'),
      namespace('mcp__cars'),
      { type: 'web_search' },
      { type: 'custom', name: 'apply_patch', description: 'Patches', format: grammar },
      { type: 'tool_search', execution: 'client', description: 'Finds', parameters },
    ]
    const { body, header } = respond({ tools })
    const offered = (body.tools as { function: { name: string; description: string; parameters: object } }[]).map(
      (one) => one.function,
    )
    expect(offered.map(({ name }) => name)).toEqual([
      'look',
      'mcp__pets__look',
      'mcp__pets__say',
      'mcp__cars__look',
      'mcp__cars__say',
      'apply_patch',
      'tool_search',
    ])
    const text = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }
    const description = 'Patches\n\nThe input follows this grammar (regex):\na+'
    expect(offered.at(-2)).toEqual({ name: 'apply_patch', description, parameters: text })
    expect(offered.at(-1)).toEqual({ name: 'tool_search', description: 'Finds', parameters })
    expect(header).toBe('tools.0.strict, tools.1.tools.0.strict, tools.2.tools.0.strict, tools.3, tools.4.format')
  })

  test('offers the tools that its input items contain', () => {
    const found = [{ type: 'namespace', name: 'agents', tools: [{ type: 'function', name: 'spawn' }] }]
    const input = [
      { type: 'additional_tools', tools: [{ type: 'function', name: 'more' }] },
      { type: 'tool_search_call', call_id: '1', execution: 'client', arguments: { query: 'agents' } },
      { type: 'tool_search_output', call_id: '1', tools: found },
      { role: 'user', content: 'Hi' },
    ]
    const { body, header } = respond({ input })
    expect((body.tools as { function: object }[]).map((one) => one.function)).toMatchObject([
      { name: 'more' },
      { name: 'agents__spawn' },
    ])
    expect(body.messages).toEqual([
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: '1', function: { name: 'tool_search', arguments: { query: 'agents' } } }],
      },
      { role: 'tool', content: 'Found: agents__spawn', tool_name: 'tool_search', tool_call_id: '1' },
      { role: 'user', content: 'Hi' },
    ])
    expect(header).toBeUndefined()
  })

  test.each<[unknown, string[]]>([
    ['required', ['look', 'n__look']],
    [{ type: 'function', name: 'look' }, ['look']],
    [{ type: 'function', name: 'look', namespace: 'n' }, ['n__look']],
    [{ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'look' }] }, ['look']],
  ])('offers what %j chooses: %j', (tool_choice, names) => {
    const tools = [
      { ...tool, strict: false },
      { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'look' }] },
    ]
    const { body, header } = respond({ tools, tool_choice })
    expect((body.tools as { function: { name: string } }[]).map((one) => one.function.name)).toEqual(names)
    expect(header).toBeUndefined()
  })

  test.each<[string, Json]>([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['previous_response_id', { previous_response_id: 'resp_1', input: undefined }],
    ['conversation', { conversation: 'conv_1' }],
    ['conversation', { conversation: { id: 'conv_1' } }],
    ['store', { background: true, store: false }],
    ['prompt', { prompt: { id: 'pmpt_1' }, input: undefined }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tool_choice: 'required', tools: [tool], stream: true }],
    ['tool_choice', { tool_choice: { type: 'function', name: 'see' }, tools: [tool] }],
    ['tool_choice', { tool_choice: { type: 'web_search' }, tools: [tool, { type: 'web_search' }] }],
    ['input.0', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['input.0.content.0.file_id', { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }] }],
    [
      'input.0.content.0.image_url',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'https://evil.test/x.png' }] }] },
    ],
    ['input.0.content.0.image_url', { input: [{ role: 'user', content: [{ type: 'input_image' }] }] }],
  ])('is refused at %s: %j', (path, body) => {
    expectRefused(() => respond(body), 'not_supported', path)
  })

  test.each<Json>([{ previous_response_id: 'x' }, { conversation: 'x' }])('says why: %j', (body) => {
    expect(() => respond(body)).toThrow(/store: false/)
  })

  test.each<[string, Json]>([
    ['input', { input: undefined }],
    ['input', { input: null }],
    ['input', { input: '' }],
    ['input', { input: 5 }],
    ['input', { input: {} }],
    ['input', { input: [] }],
    ['input', { input: [{ type: 'web_search_call' }] }],
    ['input.0', { input: ['Hi'] }],
    [
      'input.0.content.0.image_url',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,?' }] }] },
    ],
    ['model', { model: 5 }],
    ['model', { model: '../x' }],
    ['stream', { stream: 'true' }],
    ['text', { text: 'x' }],
    ['text.format.type', { text: { format: { type: 'yaml' } } }],
    ['text.format.schema', { text: { format: { type: 'json_schema', name: 'x', schema: 5 } } }],
    ['tools', { tools: { a: 1 } }],
  ])('is invalid at %s: %j', (path, body) => {
    expectRefused(() => respond(body), 'invalid_request', path)
  })

  test('never repeats a sent value in the error', () => {
    const secret = 'hunter2'
    for (const body of [
      { input: [secret] },
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: secret }] }] },
      { text: { format: { type: secret } } },
      { previous_response_id: secret },
      { tool_choice: { type: secret } },
      { tools: secret },
    ])
      expect(() => respond(body)).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret) }))
  })
})

describe('an earlier output of a model or a server in the input', () => {
  const last = { role: 'user', content: 'So?' }
  const asCall = (name: string, given: object, id = '1') => ({
    role: 'assistant',
    content: '',
    tool_calls: [{ id, function: { name, arguments: given } }],
  })
  const result = (content: string, more: object = { tool_name: 'look' }) => ({
    role: 'tool',
    content,
    tool_call_id: '1',
    ...more,
  })
  const first = asCall('look', { at: 'it' })

  test.each<[string, object[], object[], string?]>([
    ['arguments that are cut', [call('1', 'f', '{"a":')], [asCall('f', { _raw: '{"a":' })]],
    ['arguments that are a list', [call('1', 'f', '[1]')], [asCall('f', { _raw: '[1]' })]],
    ['arguments without an end', [call('1', 'f', '['.repeat(100_000))], [asCall('f', { _raw: '['.repeat(100_000) })]],
    ['arguments as an object', [{ ...call('1'), arguments: { a: 1 } }], [asCall('look', { a: 1 })]],
    ['no arguments', [{ ...call('1'), arguments: undefined }], [asCall('look', {})]],
    ['a call without an id', [{ type: 'function_call', name: 'f' }], [asCall('f', {}, '')]],
    ['a call in a namespace', [{ ...call('1'), namespace: 'mcp__pets' }], [asCall('mcp__pets__look', { at: 'it' })]],
    [
      'a custom call',
      [{ type: 'custom_tool_call', call_id: '1', name: 'patch', input: '*** B' }],
      [asCall('patch', { input: '*** B' })],
    ],
    [
      'a shell’s call',
      [{ type: 'local_shell_call', call_id: '1', action: { type: 'exec', command: ['ls'] } }, output('1', 'a.txt')],
      [asCall('local_shell', { type: 'exec', command: ['ls'] }), result('a.txt', { tool_name: 'local_shell' })],
    ],
    ['a search that found nothing', [{ type: 'tool_search_output', call_id: '1', tools: [] }], [result('Found nothing', {})]],
    ['a result without its call', [output('1')], [result('a cat', {})]],
    ['a result before its call', [output('1'), call('1')], [result('a cat', {}), first]],
    ['a result that is an object', [call('1'), output('1', { a: 1 })], [first, result('{"a":1}')]],
    ['no result', [call('1'), { ...output('1'), output: null }], [first, result('')]],
    ['the result of a custom tool', [{ type: 'custom_tool_call_output', call_id: '1', output: 'a' }], [result('a', {})]],
    [
      'a result with an image elsewhere',
      [
        call('1'),
        output('1', [
          { type: 'input_text', text: 'a' },
          { type: 'input_image', image_url: 'https://x.test/y' },
        ]),
      ],
      [first, result('a\n[image left out]')],
      'input.1.output.1.image_url',
    ],
    [
      'a result with an image',
      [call('1'), output('1', [{ type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'high' }])],
      [first, { ...result(''), images: [png] }],
    ],
    ['a search of a server', [{ type: 'web_search_call', id: 'ws_1', action: {} }], [], 'input.0'],
    ['an item to come', [{ type: 'hologram' }, { type: 5 }, {}], [], 'input.0, input.1, input.2'],
    ['reasoning of another server', [{ type: 'reasoning', summary: [{}], content: null, encrypted_content: 'gAAAA' }], []],
    ['a message without a role', [{ type: 'message', content: 'a' }], [{ role: 'user', content: 'a' }]],
    ['a role that a model knows', [{ role: 'control', content: 'thinking' }], [{ role: 'control', content: 'thinking' }]],
    [
      'a file',
      [{ role: 'user', content: [{ type: 'input_file' }] }],
      [{ role: 'user', content: '[file left out]' }],
      'input.0.content.0',
    ],
    [
      'an image at a file’s id',
      [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }],
      [{ role: 'user', content: '[image left out]' }],
      'input.0.content.0.file_id',
    ],
  ])('is accepted: %s', (_, items, messages, header) => {
    const { body, header: told } = respond({ input: [...items, last] })
    expect(body.messages).toEqual([...messages, last])
    expect(told).toBe(header)
  })
})
