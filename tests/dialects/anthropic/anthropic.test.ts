import { describe, expect, test } from 'vitest'
import { anthropic } from '../../../src/dialects/anthropic/anthropic.ts'
import { messageStream } from '../../../src/dialects/anthropic/stream.ts'
import { messageWhole } from '../../../src/dialects/anthropic/whole.ts'
import { ServiceError } from '../../../src/errors.ts'

const parse = (body: Record<string, unknown>) =>
  anthropic.generations['/v1/messages']!({ accept: undefined, canCut: true, body })
const hi = { role: 'user', content: 'Hi' }
const base = { model: 'gemma3', max_tokens: 5, messages: [hi] }
/** Ollama's request, for this one of Anthropic's. */
const asked = (more: Record<string, unknown>) => parse({ ...base, ...more }).call.body
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
  test('asks chat', () => {
    expect(parse(base).call).toEqual({
      endpoint: 'chat',
      model: 'gemma3',
      body: { messages: [hi], options: { num_predict: 5 } },
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

  test.each<[Record<string, unknown>, object]>([
    [
      { temperature: 0.5, top_p: 0.9, top_k: 40 },
      { temperature: 0.5, top_p: 0.9, top_k: 40 },
    ],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ stop_sequences: ['END', '\n'] }, { stop: ['END', '\n'] }],
    [{ stop_sequences: ['', 'END'] }, { stop: ['END'] }],
    [{ stop_sequences: [] }, {}],
    [{ temperature: null, top_p: null, top_k: null, stop_sequences: null }, {}],
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
    [{ output_config: {} }, undefined],
  ])('%j thinks: %s', (more, think) => {
    expect(asked({ ...more }).think).toBe(think)
  })

  test.each(['output_config', 'output_format'])('a schema in %s is the format', (name) => {
    const format = { type: 'json_schema', schema: { type: 'object', constructor: {} } }
    expect(asked({ [name]: name === 'output_format' ? format : { format } }).format).toEqual(format.schema)
  })

  test('tools are functions', () => {
    const { name, description, input_schema: parameters } = tool
    expect(asked({ tools: [tool, { ...tool, type: 'custom', description: null, strict: true }] }).tools).toEqual([
      { type: 'function', function: { name, description, parameters } },
      { type: 'function', function: { name, parameters } },
    ])
  })

  test.each<[object, boolean]>([
    [{ type: 'auto' }, true],
    [{ type: 'auto', disable_parallel_tool_use: false }, true],
    [{ type: 'none' }, false],
  ])('%j offers them: %s', (tool_choice, isOffered) => {
    expect('tools' in asked({ tools: [tool], tool_choice })).toBe(isOffered)
  })

  test('ignores what changes no meaning, and what it has never heard of', () => {
    const cache_control = { type: 'ephemeral' }
    const content = [{ type: 'text', text: 'Hi', cache_control, citations: null }]
    const ignored = {
      metadata: { user_id: 'a' },
      service_tier: 'auto',
      speed: 'fast',
      diagnostics: {},
      future: 5,
      cache_control,
    }
    expect(parse({ ...base, ...ignored, messages: [{ role: 'user', content }] }).call).toEqual(parse(base).call)
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

    test('an assistant’s blocks are what it said, as it said it', () => {
      const content = [
        { type: 'thinking', thinking: 'Hm', signature: 'x' },
        { type: 'redacted_thinking', data: 'x' },
        { type: 'thinking', thinking: '.' },
        { type: 'text', text: 'On' },
        { type: 'text', text: 'e' },
      ]
      expect(told(hi, { role: 'assistant', content })).toEqual([hi, { role: 'assistant', content: 'One', thinking: 'Hm.' }])
    })

    test('calls of tools are calls of tools', () => {
      expect(told(hi, calling)).toEqual([hi, called])
    })

    test('a result is a message of its own, before what the user says beside it', () => {
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
    ])('a result may be %s', (_, more, message) => {
      expect(told(calling, { role: 'user', content: [{ ...result, ...more }] })).toEqual([called, { ...isTool, ...message }])
    })

    test.each(['user', 'assistant', 'system'])('a message of %s without blocks says nothing, but is there', (role) => {
      expect(told({ role, content: [] })).toEqual([{ role, content: '' }])
    })
  })

  const of = (...content: unknown[]) => ({ messages: [hi, { role: 'user', content }] })
  const by = (...content: unknown[]) => ({ messages: [hi, { role: 'assistant', content }] })
  const at = 'messages.1.content.0'

  test.each<[string, Record<string, unknown>, string]>([
    ['a container', { container: 'x' }, 'container'],
    ['MCP servers', { mcp_servers: [{}] }, 'mcp_servers'],
    ['editing of the context', { context_management: { edits: [] } }, 'context_management'],
    ['a region', { inference_geo: 'eu' }, 'inference_geo'],
    ['thinking between tools', { thinking: { type: 'between_tools' } }, 'thinking.type'],
    ['any tool', { tools: [tool], tool_choice: { type: 'any' } }, 'tool_choice.type'],
    ['a certain tool', { tools: [tool], tool_choice: { type: 'tool', name: 'weather' } }, 'tool_choice.type'],
    [
      'one tool at a time',
      { tools: [tool], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
      'tool_choice.disable_parallel_tool_use',
    ],
    ['a tool of a server', { tools: [tool, { type: 'web_search_20250305', name: 'web_search' }] }, 'tools.1.type'],
    ['a tool that its model knows', { tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools.0.type'],
    ['an image by URL', of({ type: 'image', source: { type: 'url', url: 'http://x' } }), `${at}.source.type`],
    ['an image by file', of({ type: 'image', source: { type: 'file', file_id: 'x' } }), `${at}.source.type`],
    ['a document', of({ type: 'document', source: {} }), `${at}.type`],
    ['a search result', of({ type: 'search_result' }), `${at}.type`],
    ['a server’s tool, used', by({ type: 'server_tool_use', id: 'x', name: 'y', input: {} }), `${at}.type`],
    [
      'a document as a result',
      { messages: [calling, { role: 'user', content: [{ ...result, content: [{ type: 'document' }] }] }] },
      `${at}.content.0.type`,
    ],
  ])('refuses %s by its name', (_, more, path) => {
    expect(() => asked(more)).toThrow(
      expect.objectContaining({ code: 'not_supported', issues: [expect.objectContaining({ path })] }),
    )
  })

  test.each([{ container: null }, { mcp_servers: null }, { context_management: null }, { tool_choice: null }])(
    'takes %j as absent',
    (more) => {
      expect(parse({ ...base, ...more }).call).toEqual(parse(base).call)
    },
  )

  test.each<[string, Record<string, unknown>, string]>([
    ['no max_tokens', { max_tokens: undefined }, 'max_tokens'],
    ['null for max_tokens', { max_tokens: null }, 'max_tokens'],
    ['a text for max_tokens', { max_tokens: '5' }, 'max_tokens'],
    ['half a token', { max_tokens: 0.5 }, 'max_tokens'],
    ['no token', { max_tokens: 0 }, 'max_tokens'],
    ['fewer', { max_tokens: -1 }, 'max_tokens'],
    ['no messages', { messages: undefined }, 'messages'],
    ['null messages', { messages: null }, 'messages'],
    ['an empty list of messages', { messages: [] }, 'messages'],
    ['a text as messages', { messages: 'Hi' }, 'messages'],
    ['a text as message', { messages: ['Hi'] }, 'messages.0'],
    ['an unknown role', { messages: [{ role: 'tool', content: 'Hi' }] }, 'messages.0.role'],
    ['no role', { messages: [{ content: 'Hi' }] }, 'messages.0.role'],
    ['no content', { messages: [{ role: 'user' }] }, 'messages.0.content'],
    ['null content', { messages: [{ role: 'user', content: null }] }, 'messages.0.content'],
    ['a number as content', { messages: [{ role: 'user', content: 5 }] }, 'messages.0.content'],
    ['a block as content', { messages: [{ role: 'user', content: { type: 'text', text: 'a' } }] }, 'messages.0.content'],
    ['a text as block', of('Hi'), at],
    ['a block without type', of({ text: 'Hi' }), `${at}.type`],
    ['an unknown block', of({ type: 'hologram' }), `${at}.type`],
    ['a number as text', of({ type: 'text', text: 5 }), `${at}.text`],
    ['an assistant’s block of a user', of(use), `${at}.type`],
    ['a user’s block of an assistant', by(png), `${at}.type`],
    ['a text as input', by({ ...use, input: '{}' }), `${at}.input`],
    ['a list as input', by({ ...use, input: [] }), `${at}.input`],
    ['a result without a call', of({ ...result, content: 'x' }), `${at}.tool_use_id`],
    [
      'a result before its call',
      { messages: [{ role: 'user', content: [result] }, calling] },
      'messages.0.content.0.tool_use_id',
    ],
    ['a result without an id', of({ type: 'tool_result', content: 'x' }), `${at}.tool_use_id`],
    ['an image that is no base64', of({ ...png, source: { ...png.source, data: '/etc/passwd!' } }), `${at}.source.data`],
    [
      'an image that is a data URL',
      of({ ...png, source: { ...png.source, data: 'data:image/png;base64,aGk=' } }),
      `${at}.source.data`,
    ],
    ['an image that is none', of({ ...png, source: { ...png.source, media_type: 'text/html' } }), `${at}.source.media_type`],
    ['an image without source', of({ type: 'image' }), `${at}.source`],
    ['a number as system', { system: 5 }, 'system'],
    ['an image as system', { system: [png] }, 'system.0.type'],
    ['stream as text', { stream: 'true' }, 'stream'],
    ['temperature as text', { temperature: '1' }, 'temperature'],
    ['half a top_k', { top_k: 0.5 }, 'top_k'],
    ['a text as stop_sequences', { stop_sequences: 'END' }, 'stop_sequences'],
    ['a number as stop sequence', { stop_sequences: [5] }, 'stop_sequences.0'],
    ['thinking as a boolean', { thinking: true }, 'thinking'],
    ['unknown thinking', { thinking: { type: 'deep' } }, 'thinking.type'],
    ['an object as tools', { tools: {} }, 'tools'],
    ['a text as tool', { tools: ['weather'] }, 'tools.0'],
    ['null as tool', { tools: [null] }, 'tools.0'],
    ['a tool without name', { tools: [{ input_schema: {} }] }, 'tools.0.name'],
    ['a tool without schema', { tools: [{ name: 'a' }] }, 'tools.0.input_schema'],
    ['a list as schema', { tools: [{ name: 'a', input_schema: [] }] }, 'tools.0.input_schema'],
    ['a number as type of a tool', { tools: [{ type: 5 }] }, 'tools.0.name'],
    ['an unknown choice', { tool_choice: { type: 'most' } }, 'tool_choice.type'],
    ['a text as choice', { tool_choice: 'auto' }, 'tool_choice'],
    ['a list as output_config', { output_config: [] }, 'output_config'],
    ['an unknown format', { output_config: { format: { type: 'xml' } } }, 'output_config.format.type'],
    ['a format without schema', { output_format: { type: 'json_schema' } }, 'output_format.schema'],
    ['an unknown effort', { output_config: { effort: 'some' } }, 'output_config.effort'],
    ['a bad model', { model: '../x' }, 'model'],
  ])('refuses %s, and says where', (_, more, path) => {
    expect(() => asked(more)).toThrow(
      expect.objectContaining({ code: 'invalid_request', issues: expect.arrayContaining([expect.objectContaining({ path })]) }),
    )
  })

  test.each([
    [of({ type: 'hologram' }), `${at}.type: Expected "text", "image" or "tool_result"`],
    [by({ type: 'hologram' }), `${at}.type: Expected "text", "thinking", "redacted_thinking" or "tool_use"`],
    [{ messages: [{ role: 'tool', content: 'Hi' }] }, 'messages.0.role: Expected "user", "assistant" or "system"'],
    [{ tool_choice: { type: 'most' } }, 'tool_choice.type: Expected "auto" or "none"'],
    [of({ type: 'text' }), `${at}.text: Missing`],
  ])('names what it takes, and nothing that it refuses: %j', (more, text) => {
    expect(catchError(() => asked(more)).message).toBe(`Invalid request: ${text}`)
  })

  test.each([
    of({ type: 'secret' }),
    { messages: [{ role: 'secret', content: 'secret' }] },
    { tools: [{ type: 'secret' }] },
    { tool_choice: { type: 'secret' } },
    { thinking: { type: 'secret' } },
    of({ type: 'tool_result', tool_use_id: 'secret' }),
    of({ ...png, source: { ...png.source, data: '/secret' } }),
    { model: '../secret' },
  ])('says nothing of what was sent: %j', (more) => {
    const { message, issues } = catchError(() => asked(more))
    expect(JSON.stringify([message, issues])).not.toContain('secret')
  })
})

function catchError(run: () => unknown): ServiceError {
  try {
    run()
  } catch (error) {
    if (error instanceof ServiceError) return error
  }
  throw new Error('It was not refused')
}

describe('the paths of Anthropic’s', () => {
  test('count_tokens is refused: Ollama cannot tell beforehand', () => {
    const ask = anthropic.questions['POST /v1/messages/count_tokens']!
    expect(() => ask({ params: {}, body: base })).toThrow(expect.objectContaining({ code: 'not_supported', status: 400 }))
  })
})
