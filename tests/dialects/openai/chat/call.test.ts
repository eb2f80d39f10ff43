import { describe, expect, test } from 'vitest'
import { ask, toMade } from '../../ask.ts'
import { startText } from '../../../encoders/start-text.ts'
import { expectRefused, type Body, type Refused } from '../../expect-refused.ts'
import { options, readChunks, toEvent } from '../read-chunks.ts'

const hi = { messages: [{ role: 'user', content: 'Hi' }] }
const chat = (body: Body) => ask('/v1/chat/completions', body)
const asked = (more: Body) => chat({ ...hi, ...more }).body
const said = (...messages: Body[]) => chat({ messages }).body.messages

const png = 'iVBORw0KGgo='
const imageOf = (url: string) => ({ type: 'image_url', image_url: { url } })
const weather = { name: 'get_weather', description: 'Weather', parameters: { type: 'object', properties: {} } }
const call = (text: string, id = 'call_1') => ({ id, type: 'function', function: { name: 'get_weather', arguments: text } })

describe('a chat', () => {
  test('is sent to Ollama’s chat', () => {
    expect(chat({ model: 'gemma3', ...hi })).toMatchObject({
      call: { endpoint: 'chat', model: 'gemma3' },
      body: { ...hi, options: {} },
      header: undefined,
    })
    expect(chat(hi).call.model).toBeUndefined()
  })

  test('is answered in one piece, unless a stream is asked for', () => {
    const usage = { stream_options: { include_usage: true } }
    const answer = (more: Body) => startText(chat({ ...hi, ...more }).encoder, options)([toEvent({ done: true })])
    for (const more of [{}, { stream: null }, { stream: false }, usage])
      expect(JSON.parse(answer(more))).toMatchObject({ object: 'chat.completion' })
    for (const more of [{}, { stream_options: null }, { stream_options: {} }, { stream_options: { include_usage: false } }])
      expect(answer({ stream: true, ...more })).not.toContain('"usage"')
    expect(answer({ stream: true, ...usage })).toContain('"usage"')
  })

  test('passes on its options, and no option that is absent', () => {
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
    [{ max_tokens: 0 }, {}],
    [{ max_tokens: -1 }, {}],
    [{ max_completion_tokens: -1, max_tokens: 5 }, {}],
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
    [{ reasoning_effort: 'max' }, { think: 'max' }],
    [{ reasoning_effort: 'of a model to come' }, { think: 'of a model to come' }],
    [{ reasoning_effort: '' }, {}],
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
  ])('%j becomes %j', (more, sent) => {
    expect(asked(more)).toEqual({ ...hi, options: {}, ...sent })
  })

  test.each([
    { user: 'me', metadata: { a: 'b' }, store: false, service_tier: 'auto', safety_identifier: 'x', prompt_cache_key: 'y' },
    { verbosity: 'medium', stream_options: { include_obfuscation: false }, prediction: { type: 'content', content: 'a' } },
    { n: 1, logit_bias: {}, modalities: ['text'], parallel_tool_calls: true, tool_choice: 'auto', function_call: 'none' },
    { n: null, logit_bias: null, audio: null, functions: null, prediction: null, web_search_options: null },
    { functions: [], web_search_options: {}, tools: [], stop: [], reasoning_effort: '', response_format: {}, tool_choice: '' },
  ])('ignores %j without naming it in the header', (more) => {
    expect(toMade(chat({ ...hi, ...more }))).toEqual({ body: { ...hi, options: {} }, header: undefined })
  })

  test.each<[Body, string]>([
    [{ logit_bias: { '50256': -100 } }, 'logit_bias'],
    [{ audio: { voice: 'alloy', format: 'wav' } }, 'audio'],
    [{ modalities: ['text', 'image'] }, 'modalities'],
    [{ modalities: 'text' }, 'modalities'],
    [{ functions: [weather], function_call: 'auto' }, 'functions, function_call'],
    [{ web_search_options: { a: 1 } }, 'web_search_options'],
    [{ verbosity: 'low' }, 'verbosity'],
    [{ parallel_tool_calls: false }, 'parallel_tool_calls'],
    [{ parallel_tool_calls: 'no' }, 'parallel_tool_calls'],
    [{ store: true }, 'store'],
    [{ moderation: { model: 'x' } }, 'moderation'],
    [{ stream_options: ['x'] }, 'stream_options'],
    [{ stream_options: { include_usage: 1 } }, 'stream_options'],
    [{ temperature: '1' }, 'temperature'],
    [{ top_p: true }, 'top_p'],
    [{ seed: 0.5 }, 'seed'],
    [{ max_tokens: '5' }, 'max_tokens'],
    [{ max_completion_tokens: 1.5 }, 'max_completion_tokens'],
    [{ stop: 5 }, 'stop'],
    [{ stop: [5] }, 'stop'],
    [{ presence_penalty: [1] }, 'presence_penalty'],
    [{ frequency_penalty: { a: 1 } }, 'frequency_penalty'],
    [{ n: '2' }, 'n'],
    [{ n: 0 }, 'n'],
    [{ logprobs: 5 }, 'logprobs'],
    [{ top_logprobs: true }, 'top_logprobs'],
    [{ top_logprobs: 21 }, 'top_logprobs'],
    [{ reasoning_effort: 5 }, 'reasoning_effort'],
    [{ reasoning: { effort: 5 } }, 'reasoning'],
    [{ tool_choice: 5 }, 'tool_choice'],
    [{ tool_choice: 'any' }, 'tool_choice'],
    [{ keep_alive: true }, 'keep_alive'],
    [{ tools: [{ type: 'web_search' }, 5, null] }, 'tools.0, tools.1, tools.2'],
    [
      {
        tools: [
          { type: 'function', function: {} },
          { type: 'function', function: { name: 5 } },
        ],
      },
      'tools.0, tools.1',
    ],
    [{ tools: [{ type: 'custom', custom: {} }] }, 'tools.0'],
    [{ options: { num_ctx: 5 }, format: 'json', think: true, raw: true, nobody_knows: [1] }, '+5 unknown'],
    [JSON.parse('{"__proto__":{"n":5},"constructor":{"prototype":{"n":5}}}') as Body, '+2 unknown'],
    [{ verbosity: 'high', who: 5 }, 'verbosity, +1 unknown'],
  ])('ignores %j, and names %s in the header', (more, header) => {
    expect(toMade(chat({ ...hi, ...more }))).toEqual({ body: { ...hi, options: {} }, header })
  })
})

describe('the tools of a chat', () => {
  const fn = (name: string, more: object = {}) => ({ type: 'function', function: { ...weather, name, ...more } })
  const custom = (name: string, more: object = {}) => ({ type: 'custom', custom: { name, ...more } })
  const namesOf = (body: Body) => ((body.tools ?? []) as { function: { name: string } }[]).map((tool) => tool.function.name)

  test('are functions; a custom one takes one text', () => {
    const grammar = { type: 'grammar', syntax: 'lark', definition: 'start: "x"' }
    const tools = [fn('a', { strict: true }), custom('patch', { description: 'Patches', format: grammar }), custom('say')]
    const parameters = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }
    const description = 'Patches\n\nThe input follows this grammar (lark):\nstart: "x"'
    const { body, header } = chat({ ...hi, tools })
    expect(body.tools).toEqual([
      { type: 'function', function: { ...weather, name: 'a' } },
      { type: 'function', function: { name: 'patch', description, parameters } },
      { type: 'function', function: { name: 'say', description: '', parameters } },
    ])
    expect(header).toBe('tools.0.strict, tools.1.format')
  })

  test('with the same name are reduced to the first', () => {
    const { body, header } = chat({ ...hi, tools: [fn('a'), custom('a'), fn('b'), fn('a')] })
    expect(namesOf(body)).toEqual(['a', 'b'])
    expect(header).toBe('tools.1, tools.3')
  })

  test.each<[unknown, string[]]>([
    ['auto', ['a', 'b', 'c']],
    [{ type: 'auto' }, ['a', 'b', 'c']],
    ['none', []],
    ['required', ['a', 'b', 'c']],
    [{ type: 'function', function: { name: 'b' } }, ['b']],
    [{ type: 'custom', custom: { name: 'c' } }, ['c']],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [fn('b'), { type: 'web_search' }] } }, ['b']],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [fn('a'), custom('c')] } }, ['a', 'c']],
  ])('that %j chooses are offered: %j', (tool_choice, names) => {
    expect(namesOf(asked({ tools: [fn('a'), fn('b'), custom('c')], tool_choice }))).toEqual(names)
  })

  const demanded = ['required', { type: 'function', function: { name: 'a' } }]

  test.each(demanded)('that must be called (%j): an answer without a call is a failure', (tool_choice) => {
    const { encoder } = chat({ ...hi, tools: [fn('a')], tool_choice })
    const call = { function: { name: 'a', arguments: {} } }
    const [calls, done] = [toEvent({ message: { tool_calls: [call] } }), toEvent({ done: true })]
    expect(startText(encoder, options)([toEvent({ message: { content: 'Let me see' } }), calls, done])).toContain('tool_calls')
    expect(() => startText(encoder, options)([toEvent({ message: { content: 'No' } }), done])).toThrow(
      expect.objectContaining({ code: 'no_tool_call', status: 502 }),
    )
  })

  test.each<[string, Body]>([
    ...demanded.map((tool_choice): [string, Body] => ['tool_choice', { tools: [fn('a')], tool_choice, stream: true }]),
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tools: [{ type: 'web_search' }], tool_choice: 'required' }],
    ['tool_choice', { tools: [fn('a')], tool_choice: { type: 'function', function: { name: 'b' } } }],
    ['tool_choice', { tools: [fn('a')], tool_choice: { type: 'web_search' } }],
    ['tool_choice', { tools: [fn('a')], tool_choice: { toString: 1 } }],
    ['tool_choice', { tools: [fn('a')], tool_choice: { type: 'allowed_tools', mode: 'required', tools: [fn('a'), fn('b')] } }],
    ['tool_choice', { tools: [fn('a')], tool_choice: { type: 'allowed_tools', mode: 'required', tools: [] } }],
    ['function_call', { functions: [weather], function_call: { name: 'get_weather' } }],
  ])('are refused at %s, as the client’s code relies on a call: %j', (path, more) => {
    expectRefused(() => chat({ ...hi, ...more }), 'not_supported', path)
  })

  test('that are custom get calls in the custom shape', () => {
    const origins = chat({ ...hi, tools: [custom('patch'), fn('a')] })
    const calls = [
      { function: { name: 'patch', arguments: { input: '*** Begin' } } },
      { function: { name: 'patch', arguments: { text: 'x' } } },
      { function: { name: 'a', arguments: { input: 'x' } } },
    ]
    const expected = [
      { type: 'custom', custom: { name: 'patch', input: '*** Begin' } },
      { type: 'custom', custom: { name: 'patch', input: '{"text":"x"}' } },
      { type: 'function', function: { name: 'a', arguments: '{"input":"x"}' } },
    ]
    const events = [toEvent({ message: { tool_calls: calls }, done: true })]
    const { choices } = JSON.parse(startText(origins.encoder, options)(events)) as { choices: unknown[] }
    expect(choices).toMatchObject([{ message: { tool_calls: expected } }])
    const { encoder } = chat({ ...hi, stream: true, tools: [custom('patch'), fn('a')] })
    const streamed = readChunks([Buffer.from(startText(encoder, options)(events))])
    expect(streamed[1]).toMatchObject({ choices: [{ delta: { tool_calls: expected } }] })
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

  test.each(['control', 'thinking', 'document 1', 'User', 'robot'])('keep the role %s, which a model may know', (role) => {
    expect(said({ role, content: 'a' })).toEqual([{ role, content: 'a' }])
  })

  test('made of parts become one text and a list of images', () => {
    const parts = [
      { type: 'text', text: 'What' },
      imageOf(`data:image/png;base64,${png}`),
      { type: 'text', text: 'is that?' },
      { type: 'image_url', image_url: `data:image/jpeg;base64,${png}` },
    ]
    expect(said({ role: 'user', content: parts })).toEqual([{ role: 'user', content: 'What\nis that?', images: [png, png] }])
  })

  test('of a tool have the name of the called tool', () => {
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

  test('of an assistant that refused have the refusal as their content', () => {
    const refusal = 'No.'
    const messages = said(
      { role: 'assistant', content: null, refusal },
      { role: 'assistant', content: [{ type: 'refusal', refusal }] },
    )
    const told = { role: 'assistant', content: refusal }
    expect(messages).toEqual([told, told])
  })
})

describe('what a model or a server said is never refused', () => {
  const user = (...content: unknown[]) => ({ role: 'user', content })
  const last = { role: 'user', content: 'So?' }

  test.each<[string, Body, object, string?]>([
    ['no content', { role: 'user' }, { content: '' }],
    ['a number', { role: 'user', content: 5 }, { content: '5' }],
    ['an object', { role: 'tool', content: { a: [1] } }, { content: '{"a":[1]}' }],
    ['values of a tool', { role: 'tool', content: ['a', 5, { b: 1 }] }, { content: 'a\n5\n{"b":1}' }],
    ['audio', user({ type: 'input_audio', input_audio: {} }), { content: '[audio left out]' }, 'messages.0.content.0'],
    ['a file', user({ type: 'file', file: {} }), { content: '[file left out]' }, 'messages.0.content.0'],
    ['a video', user({ type: 'video_url', video_url: {} }), { content: '[video left out]' }, 'messages.0.content.0'],
    ['an unknown part', user({ type: 'toString' }), { content: '[part left out]' }, 'messages.0.content.0'],
    [
      'an image elsewhere',
      user({ type: 'text', text: 'a' }, imageOf('https://x/y.png')),
      { content: 'a\n[image left out]' },
      'messages.0.content.1.image_url',
    ],
    [
      'an image that is none',
      user(imageOf('data:text/html;base64,aaaa')),
      { content: '[image left out]' },
      'messages.0.content.0.image_url',
    ],
    ['an image without a type', user(imageOf(`data:;base64,${png}`)), { content: '', images: [png] }],
    [
      'an image in lines',
      user(imageOf('data:image/png;base64,iVBO\r\nRw0K\nGgo=')),
      { content: '', images: ['iVBO\r\nRw0K\nGgo='] },
    ],
    ['a role of old', { role: 'function', name: 'f', content: 'a' }, { role: 'tool', content: 'a', tool_name: 'f' }],
    ['speech', { role: 'assistant', audio: { id: 'a' } }, { content: '' }, 'messages.0.audio'],
  ])('%s', (_, message, taken, header) => {
    expect(toMade(chat({ messages: [message, last] }))).toEqual({
      body: { messages: [{ role: message.role, ...taken }, last], options: {} },
      header,
    })
  })

  test.each<[unknown, object]>([
    [undefined, {}],
    [null, {}],
    ['', {}],
    [' \n', {}],
    ['null', {}],
    [' {"a": 1} ', { a: 1 }],
    [{ a: 1 }, { a: 1 }],
    ['{"a": 1', { _raw: '{"a": 1' }],
    ['[1]', { _raw: '[1]' }],
    [[1], { _raw: '[1]' }],
    ['5', { _raw: '5' }],
    [5, { _raw: '5' }],
    ['"{}"', { _raw: '"{}"' }],
    [`{"a":${'['.repeat(40)}${']'.repeat(40)}}`, { _raw: `{"a":${'['.repeat(40)}${']'.repeat(40)}}` }],
    ['['.repeat(100_000), { _raw: '['.repeat(100_000) }],
  ])('arguments, valid or not: %#', (given, taken) => {
    const messages = [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: given } }] }, last]
    const called = { role: 'assistant', content: '', tool_calls: [{ function: { name: 'f', arguments: taken } }] }
    expect(toMade(chat({ messages }))).toEqual({ body: { messages: [called, last], options: {} }, header: undefined })
  })

  test('calls of all kinds, complete or not', () => {
    const calls = [
      { id: 'a', type: 'custom', custom: { name: 'patch', input: '*** Begin' } },
      { id: 'b', type: 'custom', custom: { name: 'patch' } },
      { id: '', function: { name: 5 } },
      { id: 5 },
      'call',
      null,
    ]
    const function_call = { name: 'old', arguments: '{"a":1}' }
    expect(said({ role: 'assistant', tool_calls: calls, function_call }, { role: 'assistant', tool_calls: 'x' }, last)).toEqual(
      [
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            { id: 'a', function: { name: 'patch', arguments: { input: '*** Begin' } } },
            { id: 'b', function: { name: 'patch', arguments: { input: '' } } },
            { function: { name: '5', arguments: {} } },
            { function: { name: '', arguments: {} } },
            { function: { name: 'old', arguments: { a: 1 } } },
          ],
        },
        { role: 'assistant', content: '' },
        last,
      ],
    )
  })
})

describe('what the client’s own code relies upon is refused', () => {
  const question = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] })
  const url = 'messages.0.content.0.image_url'

  test.each<Refused>([
    [{ n: 2 }, 'n'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [question(imageOf('https://x/y.png')), url],
    [question(imageOf('/etc/passwd')), url],
    [question({ type: 'image_url' }), url],
    [{ messages: [...question(imageOf('https://x/y.png')).messages, { role: 'assistant', content: 'a' }] }, url],
  ])('%j', (more, path) => {
    expectRefused(() => asked(more), 'not_supported', path)
  })

  test.each<Refused>([
    [{ messages: undefined }, 'messages'],
    [{ messages: null }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'Hi' }, 'messages'],
    [{ messages: ['Hi'] }, 'messages.0'],
    [{ messages: [{ content: 'a' }] }, 'messages.0.role'],
    [{ messages: [{ role: 5, content: 'a' }] }, 'messages.0.role'],
    [question(imageOf('data:image/png;base64,!')), url],
    [question(imageOf('data:image/png;base64,')), url],
    [question(imageOf('data:text/html;base64,aaaa')), url],
    [{ model: 5 }, 'model'],
    [{ model: '../x' }, 'model'],
    [{ stream: 'true' }, 'stream'],
    [{ response_format: 'json' }, 'response_format'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
    [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: 5 } } }, 'response_format.json_schema.schema'],
    [{ tools: { a: 1 } }, 'tools'],
  ])('an invalid value, by its path: %j', (more, path) => {
    expectRefused(() => asked(more), 'invalid_request', path)
  })

  test('and the error never repeats a sent value', () => {
    const canary = 'canary7f3a'
    const bodies: Body[] = [
      { model: `${canary}/../x` },
      { messages: canary },
      question(imageOf(canary)),
      question(imageOf(`data:image/png;base64,${canary}!`)),
      { stream: canary },
      { tool_choice: { type: canary } },
      { response_format: { type: canary } },
      { tools: canary },
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
