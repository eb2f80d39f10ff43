import { describe, expect, test } from 'vitest'
import { openai } from '../../../../src/dialects/openai/openai.ts'
import { expectRefused, type Body, type Refused } from '../expect-refused.ts'

const chat = (body: Body) => openai.generations['/v1/chat/completions']!({ accept: undefined, canCut: true, body })

const hi = { messages: [{ role: 'user', content: 'Hi' }] }
const asked = (more: Body) => chat({ ...hi, ...more }).call.body
const said = (...messages: Body[]) => chat({ messages }).call.body.messages

const png = 'iVBORw0KGgo='
const imageOf = (url: string) => ({ type: 'image_url', image_url: { url } })
const weather = { name: 'get_weather', description: 'Weather', parameters: { type: 'object', properties: {} } }
const call = (text: string, id = 'call_1') => ({ id, type: 'function', function: { name: 'get_weather', arguments: text } })

describe('a chat', () => {
  test('is Ollama’s', () => {
    expect(chat({ model: 'gemma3', ...hi }).call).toEqual({ endpoint: 'chat', model: 'gemma3', body: { ...hi, options: {} } })
    expect(chat(hi).call.model).toBeUndefined()
  })

  test('is answered in one piece, unless a stream is asked for', () => {
    const usage = { stream_options: { include_usage: true } }
    for (const more of [{}, { stream: null }, { stream: false }, usage])
      expect(chat({ ...hi, ...more }).encoder).toBe(chatWhole)
    for (const more of [{}, { stream_options: null }, { stream_options: {} }, { stream_options: { include_usage: false } }])
      expect(chat({ ...hi, stream: true, ...more }).encoder).toBe(chatStream)
    expect(chat({ ...hi, stream: true, ...usage }).encoder).toBe(chatStreamWithUsage)
  })

  test('takes options, and leaves to the model what is not given', () => {
    const options = { temperature: 0, top_p: 0.5, presence_penalty: -1, frequency_penalty: 2, seed: 7 }
    expect(asked(options).options).toEqual(options)
    expect(asked({ temperature: null, seed: null, stop: null, max_tokens: null }).options).toEqual({})
  })

  test.each([
    [{ max_tokens: 5 }, { num_predict: 5 }],
    [{ max_completion_tokens: 6 }, { num_predict: 6 }],
    [{ max_tokens: 5, max_completion_tokens: 6 }, { num_predict: 6 }],
    [{ max_tokens: 5, max_completion_tokens: null }, { num_predict: 5 }],
    [{ stop: 'a' }, { stop: ['a'] }],
    [{ stop: '' }, {}],
    [{ stop: [] }, {}],
    [{ stop: ['', 'a'] }, { stop: ['a'] }],
    [{ stop: ['a', 'b'] }, { stop: ['a', 'b'] }],
  ])('%j is the option %j', (more, options) => {
    expect(asked(more).options).toEqual(options)
  })

  test.each([
    [{ reasoning_effort: 'none' }, { think: false }],
    [{ reasoning_effort: 'minimal' }, { think: 'low' }],
    [{ reasoning_effort: 'high' }, { think: 'high' }],
    [{ reasoning: { effort: 'medium' } }, { think: 'medium' }],
    [{ reasoning_effort: 'low', reasoning: { effort: 'medium' } }, { think: 'low' }],
    [{ response_format: { type: 'json_object' } }, { format: 'json' }],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { a: 1 } } } }, { format: { a: 1 } }],
    [
      { logprobs: true, top_logprobs: 3 },
      { logprobs: true, top_logprobs: 3 },
    ],
    [{ keep_alive: '5m' }, { keep_alive: '5m' }],
    [{ tools: [{ type: 'function', function: weather }] }, { tools: [{ type: 'function', function: weather }] }],
    [
      { tools: [{ type: 'function', function: { name: 'now' } }], tool_choice: 'auto' },
      { tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } }] },
    ],
    [{ tools: [{ type: 'function', function: weather }], tool_choice: 'none' }, {}],
    [{ tools: [] }, {}],
    [{ response_format: { type: 'text' } }, {}],
    [{ reasoning: {} }, {}],
  ])('%j is %j', (more, sent) => {
    expect(asked(more)).toEqual({ ...hi, options: {}, ...sent })
  })

  test.each([
    { user: 'me', metadata: { a: 'b' }, store: true, service_tier: 'auto', safety_identifier: 'x', prompt_cache_key: 'y' },
    { verbosity: 'medium', stream_options: { include_obfuscation: false } },
    { n: 1, logit_bias: {}, modalities: ['text'], parallel_tool_calls: true, tool_choice: 'auto' },
    { n: null, logit_bias: null, audio: null, functions: null, prediction: null, web_search_options: null },
    { options: { num_ctx: 5 }, format: 'json', think: true, raw: true, nobody_knows: [1] },
    JSON.parse('{"__proto__":{"n":5},"constructor":{"prototype":{"n":5}}}') as Body,
  ])('does not change by %j', (more) => {
    expect(asked(more)).toEqual({ ...hi, options: {} })
  })
})

describe('messages', () => {
  test('keep their roles, developer is system', () => {
    const contents = ['system', 'developer', 'user', 'assistant'].map((role) => ({ role, content: role }))
    expect(said(...contents)).toEqual([
      { role: 'system', content: 'system' },
      { role: 'system', content: 'developer' },
      { role: 'user', content: 'user' },
      { role: 'assistant', content: 'assistant' },
    ])
  })

  test('of parts are one text and a list of images', () => {
    const parts = [
      { type: 'text', text: 'What' },
      imageOf(`data:image/png;base64,${png}`),
      { type: 'text', text: 'is that?' },
      { type: 'image_url', image_url: `data:image/jpeg;base64,${png}` },
    ]
    expect(said({ role: 'user', content: parts })).toEqual([{ role: 'user', content: 'What\nis that?', images: [png, png] }])
  })

  test('of a tool have the name of what was called', () => {
    const messages = said(
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: null, tool_calls: [call('{"city":"Rome"}', 'a'), call(' {} ', 'b')] },
      { role: 'tool', tool_call_id: 'b', content: 'rain' },
      { role: 'tool', tool_call_id: 'nobody’s', content: [{ type: 'text', text: 'sun' }] },
      { role: 'tool', tool_call_id: 'c', name: 'given', content: '' },
    )
    expect(messages).toEqual([
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: '',
        tool_calls: [
          { id: 'a', function: { name: 'get_weather', arguments: { city: 'Rome' } } },
          { id: 'b', function: { name: 'get_weather', arguments: {} } },
        ],
      },
      { role: 'tool', content: 'rain', tool_name: 'get_weather', tool_call_id: 'b' },
      { role: 'tool', content: 'sun', tool_call_id: 'nobody’s' },
      { role: 'tool', content: '', tool_name: 'given', tool_call_id: 'c' },
    ])
  })

  test.each([{ reasoning: 'hm' }, { reasoning_content: 'hm' }, { reasoning: 'hm', reasoning_content: 'hm' }])(
    'of an assistant keep its thinking: %j',
    (thought) => {
      expect(said({ role: 'assistant', content: 'a', ...thought })).toEqual([
        { role: 'assistant', content: 'a', thinking: 'hm' },
      ])
    },
  )

  test('of an assistant that refused say so', () => {
    const refusal = 'No.'
    const messages = said(
      { role: 'assistant', content: null, refusal },
      { role: 'assistant', content: [{ type: 'refusal', refusal }] },
    )
    const told = { role: 'assistant', content: refusal }
    expect(messages).toEqual([told, told])
  })
})

describe('what a chat cannot have is refused by its name', () => {
  test.each<Refused>([
    [{ n: 2 }, 'n'],
    [{ logit_bias: { '50256': -100 } }, 'logit_bias'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ audio: { voice: 'alloy', format: 'wav' } }, 'audio'],
    [{ prediction: { type: 'content', content: 'a' } }, 'prediction'],
    [{ functions: [weather] }, 'functions'],
    [{ function_call: 'auto' }, 'function_call'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ verbosity: 'low' }, 'verbosity'],
    [{ tool_choice: { type: 'function', function: { name: 'get_weather' } } }, 'tool_choice'],
    [{ parallel_tool_calls: false }, 'parallel_tool_calls'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools.0'],
    [{ messages: [{ role: 'function', name: 'f', content: 'a' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'assistant', function_call: { name: 'f', arguments: '' } }] }, 'messages.0.function_call'],
    [{ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, 'messages.0.audio'],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'user', content: [{ type: 'file', file: {} }] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'user', content: [imageOf('https://x/y.png')] }] }, 'messages.0.content.0.image_url'],
    [{ messages: [{ role: 'user', content: [imageOf('/etc/passwd')] }] }, 'messages.0.content.0.image_url'],
  ])('%j', (more, path) => {
    expectRefused(() => asked(more), 'not_supported', path)
  })
})

describe('what is no chat is refused, and the refusal says where', () => {
  test.each<Refused>([
    [{ messages: undefined }, 'messages'],
    [{ messages: null }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'Hi' }, 'messages'],
    [{ messages: ['Hi'] }, 'messages.0'],
    [{ messages: [{ role: 'robot', content: 'a' }] }, 'messages.0.role'],
    [{ messages: [{ content: 'a' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user' }] }, 'messages.0'],
    [{ messages: [{ role: 'user', content: null }] }, 'messages.0'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: { type: 'text', text: 'a' } }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages.0.content.0.text'],
    [{ messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }, 'messages.0.content.0.type'],
    [{ messages: [{ role: 'user', content: ['a'] }] }, 'messages.0.content.0'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages.0.content.0.image_url'],
    [{ messages: [{ role: 'user', content: [imageOf('data:image/png;base64,!')] }] }, 'messages.0.content.0.image_url'],
    [{ messages: [{ role: 'user', content: [imageOf('data:text/html;base64,aaaa')] }] }, 'messages.0.content.0.image_url'],
    [{ messages: [{ role: 'assistant', tool_calls: [{ id: 'a' }] }] }, 'messages.0.tool_calls.0.function'],
    ...['', '{', '5', '[]', 'null', '['.repeat(9), `{"a":${'['.repeat(40)}${']'.repeat(40)}}`].map((text): Refused => [
      { messages: [{ role: 'assistant', tool_calls: [call(text)] }] },
      'messages.0.tool_calls.0.function.arguments',
    ]),
    [
      { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: {} } }] }] },
      'messages.0.tool_calls.0.function.arguments',
    ],
    [{ model: 5 }, 'model'],
    [{ model: '../x' }, 'model'],
    [{ stream: 'true' }, 'stream'],
    [{ stream_options: [] }, 'stream_options'],
    [{ stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
    [{ temperature: '1' }, 'temperature'],
    [{ top_p: true }, 'top_p'],
    [{ seed: 0.5 }, 'seed'],
    [{ max_tokens: '5' }, 'max_tokens'],
    [{ max_completion_tokens: 1.5 }, 'max_completion_tokens'],
    [{ stop: 5 }, 'stop'],
    [{ stop: [5] }, 'stop'],
    [{ presence_penalty: [] }, 'presence_penalty'],
    [{ frequency_penalty: {} }, 'frequency_penalty'],
    [{ n: '2' }, 'n'],
    [{ n: 0 }, 'n'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ max_completion_tokens: 0 }, 'max_completion_tokens'],
    [{ logit_bias: [] }, 'logit_bias'],
    [{ logprobs: 5 }, 'logprobs'],
    [{ top_logprobs: true }, 'top_logprobs'],
    [{ reasoning_effort: 'deep' }, 'reasoning_effort'],
    [{ reasoning: { effort: 5 } }, 'reasoning.effort'],
    [{ response_format: 'json' }, 'response_format'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: 5 } } }, 'response_format.json_schema.schema'],
    [{ tools: {} }, 'tools'],
    [{ tools: [{ type: 'web_search' }] }, 'tools.0.type'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools.0.function.name'],
    [{ tools: [{ type: 'function', function: { name: 'f', parameters: [] } }] }, 'tools.0.function.parameters'],
    [{ tool_choice: 5 }, 'tool_choice'],
    [{ tool_choice: 'any' }, 'tool_choice'],
    [{ parallel_tool_calls: 'no' }, 'parallel_tool_calls'],
    [{ modalities: 'text' }, 'modalities'],
    [{ keep_alive: true }, 'keep_alive'],
  ])('%j', (more, path) => {
    expectRefused(() => asked(more), 'invalid_request', path)
  })

  test('and never repeats what was sent', () => {
    const canary = 'canary7f3a'
    const bodies: Body[] = [
      { model: `${canary}/../x` },
      { messages: [{ role: canary, content: 'a' }] },
      { messages: [{ role: 'user', content: [{ type: canary }] }] },
      { messages: [{ role: 'user', content: [imageOf(canary)] }] },
      { messages: [{ role: 'assistant', tool_calls: [call(canary)] }] },
      { stream: canary },
      { tool_choice: canary },
      { reasoning_effort: canary },
      { response_format: { type: canary } },
      { tools: [{ type: canary }] },
    ]
    for (const body of bodies) {
      try {
        asked(body)
        expect.unreachable(JSON.stringify(body))
      } catch (error) {
        expect(JSON.stringify([(error as Error).message, error])).not.toContain(canary)
      }
    }
  })
})
