import { describe, expect, test } from 'vitest'
import { anthropic } from '../../../src/dialects/anthropic/anthropic.ts'
import { messageStream } from '../../../src/dialects/anthropic/stream.ts'
import { messageWhole } from '../../../src/dialects/anthropic/whole.ts'
import { startText } from '../../encoders/start-text.ts'
import { ask, toMade, type Json } from '../ask.ts'
import { expectRefused } from '../expect-refused.ts'
import { options, toEvent } from '../openai/read-chunks.ts'

const parse = (body: Json) => ask('/v1/messages', body)
const hi = { role: 'user', content: 'Hi' }
const base = { model: 'gemma3', max_tokens: 5, messages: [hi] }
/** Translates an Anthropic request, and returns the body of the request to Ollama. */
const asked = (more: Json) => parse({ ...base, ...more }).body
const told = (...messages: object[]) => asked({ messages }).messages

const png = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } }
const use = { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Tokyo', constructor: 1 } }
const calling = { role: 'assistant', content: [use] }
const called = {
  role: 'assistant',
  content: '',
  tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: use.input } }],
}
const result = { type: 'tool_result', tool_use_id: 'call_1' }
const isTool = { role: 'tool', tool_name: 'weather', tool_call_id: 'call_1' }
const tool = { name: 'weather', description: 'Weather of a city', input_schema: { type: 'object', properties: {} } }

describe('POST /v1/messages', () => {
  test('is sent to chat', () => {
    expect(parse(base)).toMatchObject({
      call: { endpoint: 'chat', model: 'gemma3' },
      body: { messages: [hi], options: { num_predict: 5 } },
      header: undefined,
    })
  })

  test.each([
    [undefined, messageWhole],
    [null, messageWhole],
    [false, messageWhole],
    [true, messageStream],
  ])('stream: %s', (stream, encoder) => {
    expect(parse({ ...base, stream }).encoder).toBe(encoder)
  })

  test('without a model asks the default one', () => {
    expect(parse({ ...base, model: undefined }).call.model).toBeUndefined()
  })

  test.each<[Json, object]>([
    [
      { temperature: 0.5, top_p: 0.9, top_k: 40 },
      { temperature: 0.5, top_p: 0.9, top_k: 40 },
    ],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ stop_sequences: ['END', '\n'] }, { stop: ['END', '\n'] }],
    [{ stop_sequences: ['', 'END'] }, { stop: ['END'] }],
    [{ stop_sequences: [] }, {}],
    [{ temperature: null, top_p: null, top_k: null, stop_sequences: null }, {}],
    ...[0, -1, null, undefined].map((max_tokens): [Json, object] => [{ max_tokens }, { num_predict: undefined }]),
  ])('%j are the options %j', (more, options) => {
    expect(asked(more).options).toEqual({ num_predict: 5, ...options })
  })

  test.each<[object, unknown]>([
    [{}, undefined],
    [{ thinking: null }, undefined],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, true],
    [{ thinking: { type: 'disabled' } }, false],
    [{ thinking: { type: 'adaptive' } }, undefined],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'medium' } }, 'medium'],
    [{ thinking: { type: 'enabled' }, output_config: { effort: 'xhigh' } }, 'max'],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, false],
    [{ output_config: { effort: 'low' } }, 'low'],
    [{ output_config: { effort: 'of a model to come' } }, 'of a model to come'],
    [{ output_config: {} }, undefined],
    [{ output_config: { effort: '', format: {} } }, undefined],
    [{ thinking: { type: 'adaptive', display: 'updates' } }, undefined],
  ])('%j sets think to %s', (more, think) => {
    expect(asked({ ...more }).think).toBe(think)
  })

  test.each(['output_config', 'output_format'])('a schema in %s is the format', (name) => {
    const format = { type: 'json_schema', schema: { type: 'object', constructor: {} } }
    expect(asked({ [name]: name === 'output_format' ? format : { format } }).format).toEqual(format.schema)
  })

  test('tools are functions', () => {
    const { name, description, input_schema: parameters } = tool
    const other = { ...tool, name: 'other', type: 'custom', description: null, strict: true }
    const { body, header } = parse({ ...base, tools: [tool, other, tool] })
    expect(body.tools).toEqual([
      { type: 'function', function: { name, description, parameters } },
      { type: 'function', function: { name: 'other', parameters } },
    ])
    expect(header).toBe('tools.1.strict, tools.2')
  })

  test.each<[object, boolean]>([
    [{ type: 'auto' }, true],
    [{ type: 'auto', disable_parallel_tool_use: false }, true],
    [{ type: 'none' }, false],
  ])('%j offers the tools: %s', (tool_choice, isOffered) => {
    expect('tools' in asked({ tools: [tool], tool_choice })).toBe(isOffered)
  })

  test('offers a deferred tool once a search has found it', () => {
    const deferred = (name: string) => ({ ...tool, name, defer_loading: true })
    const namesOf = (more: Json) => {
      const { body, header } = parse({ ...base, ...more })
      return [((body.tools ?? []) as { function: { name: string } }[]).map((one) => one.function.name), header]
    }
    const tools = [tool, deferred('a'), deferred('b')]
    const found = [{ type: 'tool_reference', tool_name: 'a' }]
    const messages = [hi, calling, { role: 'user', content: [{ ...result, content: found }] }]
    expect(namesOf({ tools })).toEqual([['weather'], undefined])
    expect(namesOf({ tools, messages })).toEqual([['weather', 'a'], undefined])
    // Anthropic's servers search the deferred tools. Sluice cannot, so it offers all of them to the
    // model from the start.
    const search = { type: 'tool_search_tool_regex_20251119', name: 'tool_search_tool_regex' }
    expect(namesOf({ tools: [search, ...tools] })).toEqual([['weather', 'a', 'b'], 'tools.0'])
  })

  const demanded = [{ type: 'any' }, { type: 'tool', name: 'weather' }]

  test.each(demanded)('makes an answer without a call a failure for %j', (tool_choice) => {
    const { encoder, body } = parse({ ...base, tools: [tool, { ...tool, name: 'other' }], tool_choice })
    expect(body.tools).toHaveLength(tool_choice.type === 'any' ? 2 : 1)
    const calls = toEvent({ message: { tool_calls: [{ function: { name: 'weather', arguments: {} } }] } })
    const done = toEvent({ done: true })
    expect(startText(encoder, options)([calls, done])).toContain('tool_use')
    expect(() => startText(encoder, options)([toEvent({ message: { content: 'No' } }), done])).toThrow(
      expect.objectContaining({ code: 'no_tool_call', status: 502 }),
    )
  })

  test.each<[string, Json, string?]>([
    ['hints', { metadata: { user_id: 'a' }, service_tier: 'auto', speed: 'fast', diagnostics: { a: 1 }, betas: ['x'] }],
    ['a hint for the cache', { cache_control: { type: 'ephemeral' } }],
    [
      'what asks for nothing',
      { container: '', mcp_servers: [], context_management: { edits: [] }, tool_choice: {}, tools: [], system: '' },
    ],
    ['a field to come', { future: 5 }, '+1 unknown'],
    ['a container', { container: 'x' }, 'container'],
    ['MCP servers', { mcp_servers: [{ a: 1 }] }, 'mcp_servers'],
    ['editing of the context', { context_management: { edits: [{}] } }, 'context_management'],
    ['a region', { inference_geo: 'eu' }, 'inference_geo'],
    ['thinking between tools', { thinking: { type: 'between_tools' } }, 'thinking.type'],
    ['a budget of thinking', { thinking: { type: 'adaptive', budget_tokens: 5 } }, 'thinking.budget_tokens'],
    ['thinking as a boolean', { thinking: true }, 'thinking'],
    [
      'one tool at a time',
      { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
      'tool_choice.disable_parallel_tool_use',
    ],
    ['an unknown choice', { tool_choice: { type: 'most' } }, 'tool_choice.type'],
    ['a text as choice', { tool_choice: 'auto' }, 'tool_choice'],
    ['a tool of a server', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools.0'],
    ['a tool that its model knows', { tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools.0'],
    [
      'what is no tool',
      { tools: ['weather', null, { input_schema: {} }, { name: 'a' }, { name: 'a', input_schema: [] }, { type: 5 }] },
      [0, 1, 2, 3, 4, 5].map((i) => `tools.${i}`).join(', '),
    ],
    ['temperature as text', { temperature: '1' }, 'temperature'],
    ['half a top_k', { top_k: 0.5 }, 'top_k'],
    ['a text as stop_sequences', { stop_sequences: 'END' }, 'stop_sequences'],
    ['a number as stop sequence', { stop_sequences: [5] }, 'stop_sequences'],
    ['an effort that is none', { output_config: { effort: 5 } }, 'output_config.effort'],
  ])('ignores %s, and names it: %j', (_, more, header) => {
    expect(toMade(parse({ ...base, ...more }))).toEqual({ body: parse(base).body, header })
  })

  test.each(['5', 0.5])('goes on without a limit that is none: %j', (max_tokens) => {
    expect(toMade(parse({ ...base, max_tokens }))).toEqual({ body: { messages: [hi], options: {} }, header: 'max_tokens' })
  })

  describe('messages', () => {
    test.each([
      ['a text', 'Be\nbrief', 'Be\nbrief'],
      [
        'blocks',
        [
          { type: 'text', text: 'Be' },
          { type: 'text', text: 'brief' },
        ],
        'Be\n\nbrief',
      ],
    ])('the system prompt as %s comes first', (_, system, content) => {
      expect(asked({ system }).messages).toEqual([{ role: 'system', content }, hi])
    })

    test.each(['', [], null, undefined])('%j is no system prompt', (system) => {
      expect(asked({ system }).messages).toEqual([hi])
    })

    test('a system message stays where it is', () => {
      expect(told(hi, { role: 'system', content: 'Now briefly' })).toEqual([hi, { role: 'system', content: 'Now briefly' }])
    })

    test('a user’s blocks are paragraphs, with the images beside them', () => {
      const content = [{ type: 'text', text: 'One' }, png, { type: 'text', text: 'two' }, png]
      expect(told({ role: 'user', content })).toEqual([{ role: 'user', content: 'One\n\ntwo', images: ['aGk=', 'aGk='] }])
    })

    test('an assistant’s blocks become one message with the same text and thinking', () => {
      const content = [
        { type: 'thinking', thinking: 'Hm', signature: 'x' },
        { type: 'redacted_thinking', data: 'x' },
        { type: 'thinking', thinking: '.' },
        { type: 'text', text: 'On' },
        { type: 'text', text: 'e' },
      ]
      expect(told(hi, { role: 'assistant', content })).toEqual([hi, { role: 'assistant', content: 'One', thinking: 'Hm.' }])
    })

    test('tool_use blocks become tool calls', () => {
      expect(told(hi, calling)).toEqual([hi, called])
    })

    test('a tool result becomes a separate message, before the user’s text in the same turn', () => {
      const content = [{ type: 'text', text: 'So?' }, { ...result, content: '20 °C' }, png]
      expect(told(hi, calling, { role: 'user', content })).toEqual([
        hi,
        called,
        { ...isTool, content: '20 °C' },
        { role: 'user', content: 'So?', images: ['aGk='] },
      ])
    })

    test.each([
      ['a text', { content: '20 °C' }, { content: '20 °C' }],
      ['nothing', {}, { content: '' }],
      ['null', { content: null }, { content: '' }],
      ['no blocks', { content: [] }, { content: '' }],
      [
        'blocks',
        { content: [{ type: 'text', text: 'a' }, png, { type: 'text', text: 'b' }] },
        { content: 'a\n\nb', images: ['aGk='] },
      ],
      ['an error', { content: 'no network', is_error: true }, { content: 'Error: no network' }],
      ['no error', { content: 'fine', is_error: false }, { content: 'fine' }],
    ])('a tool result may be %s', (_, more, message) => {
      expect(told(calling, { role: 'user', content: [{ ...result, ...more }] })).toEqual([called, { ...isTool, ...message }])
    })

    test.each(['user', 'assistant', 'system'])('a message of %s without blocks says nothing, but is there', (role) => {
      expect(told({ role, content: [] })).toEqual([{ role, content: '' }])
    })
  })

  const of = (...content: unknown[]) => ({ role: 'user', content })
  const by = (...content: unknown[]) => ({ role: 'assistant', content })
  const results = (...content: unknown[]) => [calling, of({ ...result, content })]
  const at = 'messages.0.content.0'
  const source = (more: object) => ({ type: 'document', source: more })
  const elsewhere = { type: 'image', source: { type: 'url', url: 'http://x.test/y' } }

  test.each<[string, Json[], object[], string?]>([
    ['no content', [{ role: 'user' }], [{ role: 'user', content: '' }]],
    ['null', [{ role: 'user', content: null }], [{ role: 'user', content: '' }]],
    ['a number', [{ role: 'user', content: 5 }], [{ role: 'user', content: '5' }]],
    ['a text that is none', [of({ type: 'text', text: {} })], [{ role: 'user', content: '[part left out]' }], at],
    ['a role that a model knows', [{ role: 'control', content: 'a' }], [{ role: 'control', content: 'a' }]],
    ['texts that are no blocks', [of('a', { text: 'b' }, 5)], [{ role: 'user', content: 'a\n\nb\n\n5' }]],
    ['a block to come', [of({ type: 'hologram' })], [{ role: 'user', content: '[part left out]' }], at],
    ['the other’s blocks', [of(use)], [{ role: 'user', content: '[part left out]' }], at],
    ['an image of an assistant', [by(png)], [{ role: 'assistant', content: '[image left out]' }], at],
    ['an image elsewhere', [of(elsewhere)], [{ role: 'user', content: '[image left out]' }], `${at}.source`],
    [
      'an image in a file',
      [of({ type: 'image', source: { type: 'file', file_id: 'x' } })],
      [{ role: 'user', content: '[image left out]' }],
      `${at}.source`,
    ],
    ['a document of text', [of({ ...source({ type: 'text', data: 'a' }), title: 'T' })], [{ role: 'user', content: 'T\na' }]],
    [
      'a document of blocks',
      [of(source({ type: 'content', content: [{ type: 'text', text: 'a' }] }))],
      [{ role: 'user', content: 'a' }],
    ],
    [
      'a PDF',
      [of(source({ type: 'base64', media_type: 'application/pdf', data: '' }))],
      [{ role: 'user', content: '[document left out]' }],
      at,
    ],
    [
      'a search result',
      [of({ type: 'search_result', title: 'T', source: 'http://x', content: [{ type: 'text', text: 'a' }] })],
      [{ role: 'user', content: 'T\nhttp://x\na' }],
    ],
    [
      'input as text',
      [by({ ...use, input: '{"a":1}' })],
      [{ ...called, tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: { a: 1 } } }] }],
    ],
    [
      'input that is a list',
      [by({ ...use, input: [1] })],
      [{ ...called, tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: { _raw: '[1]' } } }] }],
    ],
    [
      'a call without anything',
      [by({ type: 'tool_use' })],
      [{ ...called, tool_calls: [{ id: '', function: { name: '', arguments: {} } }] }],
    ],
    [
      'what Anthropic’s servers ran',
      [by({ type: 'server_tool_use', id: 'x' }, { type: 'web_search_tool_result', content: [] }, { type: 'text', text: 'a' })],
      [{ role: 'assistant', content: 'a' }],
      `${at}, messages.0.content.1`,
    ],
    ['a result without its call', [of({ ...result, content: 'x' })], [{ role: 'tool', content: 'x', tool_call_id: 'call_1' }]],
    ['a result without an id', [of({ type: 'tool_result' })], [{ role: 'tool', content: '', tool_call_id: '' }]],
    [
      'a result that is an object',
      [calling, of({ ...result, content: { a: 1 } })],
      [called, { ...isTool, content: '{"a":1}' }],
    ],
    [
      'a found tool',
      results({ type: 'tool_reference', tool_name: 'TaskStop' }),
      [called, { ...isTool, content: 'Tool: TaskStop' }],
    ],
    [
      'a PDF as a result',
      results({ type: 'text', text: 'a' }, source({ type: 'base64' })),
      [called, { ...isTool, content: 'a\n\n[document left out]' }],
      'messages.1.content.0.content.1',
    ],
    [
      'an image elsewhere as a result',
      results(elsewhere),
      [called, { ...isTool, content: '[image left out]' }],
      'messages.1.content.0.content.0.source',
    ],
  ])('accepts %s in earlier messages', (_, messages, taken, header) => {
    expect(toMade(parse({ ...base, messages: [...messages, hi] }))).toEqual({
      body: { messages: [...taken, hi], options: { num_predict: 5 } },
      header,
    })
  })

  test('leaves out blocks of a tool result that Ollama cannot take, and does not refuse the request', () => {
    expect(parse({ ...base, messages: [hi, ...results(source({ type: 'base64' }), elsewhere)] })).toMatchObject({
      body: { messages: [hi, called, { ...isTool, content: '[document left out]\n\n[image left out]' }] },
      header: 'messages.2.content.0.content.0, messages.2.content.0.content.1.source',
    })
  })

  test('replaces an image in the system prompt with a text', () => {
    expect(toMade(parse({ ...base, system: [elsewhere] }))).toEqual({
      body: { messages: [{ role: 'system', content: '[image left out]' }, hi], options: { num_predict: 5 } },
      header: 'system.0.source',
    })
  })

  const asking = (more: object) => ({ messages: [of({ type: 'image', ...more })] })

  test.each<[string, Json, string]>([
    ['an image by URL', { messages: [of(elsewhere)] }, `${at}.source`],
    ['an image by file', asking({ source: { type: 'file', file_id: 'x' } }), `${at}.source`],
    ['an image without source', asking({}), `${at}.source`],
    ['any tool of none', { tool_choice: { type: 'any' } }, 'tool_choice'],
    [
      'a tool that was left out',
      { tools: [{ type: 'bash_20250124', name: 'bash' }], tool_choice: { type: 'tool', name: 'bash' } },
      'tool_choice',
    ],
    ...demanded.map((tool_choice): [string, Json, string] => [
      'a call on a stream',
      { tools: [tool], tool_choice, stream: true },
      'tool_choice',
    ]),
  ])('refuses %s: %j', (_, more, path) => {
    expectRefused(() => asked(more), 'not_supported', path)
  })

  test.each<[string, Json, string]>([
    ['no messages', { messages: undefined }, 'messages'],
    ['null messages', { messages: null }, 'messages'],
    ['an empty list of messages', { messages: [] }, 'messages'],
    ['a text as messages', { messages: 'Hi' }, 'messages'],
    ['a text as message', { messages: ['Hi'] }, 'messages.0'],
    ['no role', { messages: [{ content: 'Hi' }] }, 'messages.0.role'],
    ['an image that is no base64', asking({ source: { ...png.source, data: '/etc/passwd!' } }), `${at}.source`],
    ['an image that is a data URL', asking({ source: { ...png.source, data: 'data:image/png;base64,aGk=' } }), `${at}.source`],
    ['an image that is none', asking({ source: { ...png.source, media_type: 'text/html' } }), `${at}.source`],
    ['a number as system', { system: 5 }, 'system'],
    ['stream as text', { stream: 'true' }, 'stream'],
    ['an object as tools', { tools: { a: 1 } }, 'tools'],
    ['a list as output_config', { output_config: [1] }, 'output_config'],
    ['an unknown format', { output_config: { format: { type: 'xml' } } }, 'output_config.format.type'],
    ['a format without schema', { output_format: { type: 'json_schema' } }, 'output_format.schema'],
    ['a bad model', { model: '../x' }, 'model'],
  ])('refuses %s, and names the path of the field', (_, more, path) => {
    expectRefused(() => asked(more), 'invalid_request', path)
  })

  test.each<Json>([
    { messages: 'secret' },
    { tool_choice: { type: 'tool', name: 'secret' } },
    asking({ source: { ...png.source, data: '/secret' } }),
    asking({ source: { type: 'url', url: 'secret' } }),
    { output_format: { type: 'secret' } },
    { model: '../secret' },
  ])('does not repeat the sent value in the error: %j', (more) => {
    expect(() => asked(more)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') as unknown }))
  })
})

describe('the paths of Anthropic’s', () => {
  test('count_tokens is refused: Ollama cannot count tokens before it generates', () => {
    const ask = anthropic.questions['POST /v1/messages/count_tokens']!
    expect(() => ask({ params: {}, body: base })).toThrow(expect.objectContaining({ code: 'not_supported', status: 400 }))
  })
})
