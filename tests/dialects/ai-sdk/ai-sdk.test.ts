import { convertToModelMessages, type ModelMessage, type UIMessage } from 'ai'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aiSdk } from '../../../src/dialects/ai-sdk/ai-sdk.ts'
import { resumableUiMessageStream, uiMessageStream } from '../../../src/dialects/ai-sdk/stream.ts'
import { trickyText } from '../../arbitrary-generation.ts'
import { ask, toMade, type Json } from '../ask.ts'
import { expectRefused } from '../expect-refused.ts'

const parse = (body: Json) => ask('/api/ui/chat', body)
const toPlan = (body: Json, prefer?: string) =>
  aiSdk.generations['/api/ui/chat']!({ accept: undefined, prefer, canCut: true, body })
const text = (said: string) => ({ type: 'text', text: said })
const user = (...parts: unknown[]) => ({ id: 'u', role: 'user', parts })
const assistant = (...parts: unknown[]) => ({ id: 'a', role: 'assistant', parts })
const hi = user(text('Hi'))
const messagesOf = (...messages: Json[]) => parse({ messages }).body.messages as Json[]
const png = 'iVBORw0KGgo='
const image = (url?: string) => ({ type: 'file', mediaType: 'image/png', url })
const tool = (more: object) => ({ type: 'tool-get_weather', toolCallId: 'c1', input: { city: 'Tokyo' }, ...more })

describe('POST /api/ui/chat', () => {
  test('sends the request of DefaultChatTransport to chat, for both triggers', () => {
    for (const trigger of ['submit-message', 'regenerate-message']) {
      const made = parse({ id: 'chat-1', messages: [hi], trigger, messageId: 'u' })
      const { call, encoder } = made
      expect(call).toMatchObject({ endpoint: 'chat', model: undefined, thinkWish: 'think' })
      expect(toMade(made)).toEqual({ body: { messages: [{ role: 'user', content: 'Hi' }] } })
      expect(encoder).toBe(uiMessageStream)
    }
  })

  test('remembers the id of the chat, if it is a text of 256 characters at most', () => {
    for (const id of ['chat-1', ' ', '..', 'a/b', '汉'.repeat(256), '\0'])
      expect(toPlan({ id, messages: [hi] })).toMatchObject({ chat: id })
    for (const id of ['', 'x'.repeat(257), 5, null, undefined, true, ['a'], { a: 1 }])
      expect(toPlan({ id, messages: [hi] })).not.toHaveProperty('chat')
  })

  test.each([
    ['resume', [hi], true],
    ['status, RESUME=30', [hi], true],
    [undefined, [hi], false],
    ['status', [hi], false],
    ['resume=0', [hi], false],
    ['resume=x', [hi], false],
    // The SDK appends this answer to the assistant's message, and that message has an id already.
    ['resume', [hi, assistant(tool({ state: 'output-available', output: 1 }))], false],
  ])('with Prefer: %s and %j names the message in its stream: %s', (prefer, messages, isNamed) => {
    expect(toPlan({ messages }, prefer).encoder).toBe(isNamed ? resumableUiMessageStream : uiMessageStream)
  })

  test('passes on the fields that a page adds, and puts its system prompt first', () => {
    const known = {
      tools: [{ type: 'function', function: { name: 'f' } }],
      think: 'low',
      format: 'json',
      options: { seed: 1 },
      keep_alive: '1m',
    }
    const made = parse({
      messages: [hi],
      model: 'gemma3',
      system: 'Be brief',
      ...known,
      sessionId: '1',
      stream: false,
      prompt: 'x',
    })
    const messages = [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'Hi' },
    ]
    expect(made.call.model).toBe('gemma3')
    expect(toMade(made)).toEqual({ body: { ...known, messages }, header: '+2 unknown' })
  })

  test.each(['model', 'system', 'tools', 'think', 'format', 'options', 'keep_alive'])(
    'treats null and empty values as an absent %s',
    (field) => {
      const body = { messages: [{ role: 'user', content: 'Hi' }] }
      for (const nothing of [null, '', [], {}]) expect(toMade(parse({ messages: [hi], [field]: nothing }))).toEqual({ body })
    },
  )

  test('joins the texts of a message, and takes images off their data URLs', () => {
    const file = (mediaType: string, url = `data:image/png;base64,${png}`) => ({
      type: 'file',
      mediaType,
      url,
      filename: 'a.png',
    })
    expect(messagesOf(user(file('image/png'), text('What '), file('image'), file('image/*'), text('is this?')))).toEqual([
      { role: 'user', content: 'What is this?', images: [png, png, png] },
    ])
  })

  test('sends an assistant’s reasoning, and each step as a message followed by its tool results', () => {
    const answer = assistant(
      { type: 'step-start' },
      { type: 'reasoning', text: 'hm', state: 'done' },
      text('Let me see'),
      tool({ state: 'output-available', output: { celsius: 21 } }),
      { type: 'dynamic-tool', toolName: 'add', toolCallId: 'c2', state: 'output-available', input: {}, output: 'three' },
      { type: 'step-start' },
      text('21 °C'),
    )
    expect(messagesOf(hi, answer, user(text('Thanks')))).toEqual([
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: 'Let me see',
        thinking: 'hm',
        tool_calls: [
          { id: 'c1', function: { name: 'get_weather', arguments: { city: 'Tokyo' } } },
          { id: 'c2', function: { name: 'add', arguments: {} } },
        ],
      },
      { role: 'tool', content: '{"celsius":21}', tool_name: 'get_weather', tool_call_id: 'c1' },
      { role: 'tool', content: 'three', tool_name: 'add', tool_call_id: 'c2' },
      { role: 'assistant', content: '21 °C' },
      { role: 'user', content: 'Thanks' },
    ])
  })

  test.each([
    ['output-available', { output: null }, 'null'],
    ['output-available', {}, 'null'],
    ['output-available', { output: '' }, ''],
    ['output-available', { output: [1, 'a'] }, '[1,"a"]'],
    ['output-error', { errorText: 'no such city' }, 'no such city'],
    ['output-denied', { approval: { id: 'x', approved: false, reason: 'not now' } }, 'not now'],
    ['output-denied', { approval: { id: 'x', approved: false } }, 'Tool call execution denied.'],
    ['approval-responded', { approval: { id: 'x', approved: false, reason: 'no' } }, 'no'],
    ['approval-responded', { approval: { id: 'x', approved: true } }, undefined],
    ['approval-requested', { approval: { id: 'x' } }, undefined],
    ['input-available', {}, undefined],
  ])('a tool that is %s with %j has the result %j', (state, more, result) => {
    const [, call, ...results] = messagesOf(hi, assistant(tool({ state, ...more })))
    expect(call).toMatchObject({ role: 'assistant', content: '', tool_calls: [{ id: 'c1' }] })
    expect(results.map(({ content }) => content)).toEqual(result === undefined ? [] : [result])
  })

  test('keeps every argument of a call, whatever its name', () => {
    const input = JSON.parse('{"constructor":"Ferrari","prototype":1,"__proto__":{"a":2}}') as object
    const [said] = messagesOf(assistant(tool({ state: 'input-available', input })))
    expect(JSON.stringify(said?.tool_calls)).toContain(JSON.stringify(input))
  })

  test('leaves out the parts that are only for the page', () => {
    const parts = [
      { type: 'source-url', sourceId: 's', url: 'http://x' },
      { type: 'source-document', sourceId: 's', mediaType: 'text/plain', title: 't' },
      { type: 'data-weather', data: { any: 'thing' } },
      tool({ state: 'input-streaming', input: 'half' }),
      { type: 'step-start' },
    ]
    expect(messagesOf(user(text('Hi'), ...parts.slice(0, 3)), assistant(...parts))).toEqual([{ role: 'user', content: 'Hi' }])
  })

  test.each([
    ['no messages', {}, 'messages'],
    ['null', { messages: null }, 'messages'],
    ['an empty list', { messages: [] }, 'messages'],
    ['messages that say nothing', { messages: [assistant({ type: 'step-start' })] }, 'messages'],
    ['a question without a word', { messages: [assistant({ type: 'step-start' }), user(text('')), user()] }, 'messages'],
    ['a message that is none', { messages: ['Hi'] }, 'messages.0'],
    ['a message without a role', { messages: [{ parts: [] }] }, 'messages.0.role'],
    ['an image that is none', { messages: [user(image('data:image/png;base64,/etc/pass wd'))] }, 'messages.0.parts.0.url'],
    ['a bad model', { messages: [hi], model: '../x' }, 'model'],
    ['a bad system', { messages: [hi], system: 1 }, 'system'],
    ['tools of the SDK', { messages: [hi], tools: { f: {} } }, 'tools'],
    ['a bad format', { messages: [hi], format: 'xml' }, 'format'],
  ])('refuses %s, and names the path of the field', (_, body: Json, path) => {
    expectRefused(() => parse(body), 'invalid_request', path)
  })

  test.each(['https://evil.test/x.png', undefined])('does not fetch the image of a question: %s', (url) => {
    expectRefused(() => parse({ messages: [hi, user(text('a'), image(url))] }), 'not_supported', 'messages.1.parts.1.url')
  })

  test.each<[string, object, string]>([
    ['think', { think: 5 }, 'think'],
    ['options', { options: ['x'] }, 'options'],
    ['keep_alive', { keep_alive: true }, 'keep_alive'],
    ['tools that are none', { tools: [{ function: {} }, { name: 'f', inputSchema: {} }, 5] }, 'tools.0, tools.1, tools.2'],
  ])('ignores invalid %s, and names it in the header', (_, more, header) => {
    expect(toMade(parse({ messages: [hi], ...more }))).toEqual({
      body: { messages: [{ role: 'user', content: 'Hi' }] },
      header,
    })
  })

  const at = 'messages.0.parts.0'
  const called = (given: object, more: object = {}) => [
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: 'c1', function: { name: 'get_weather', arguments: given } }],
      ...more,
    },
  ]

  test.each<[string, Json, Json[], string?]>([
    ['a role that a model knows', { role: 'control', parts: [text('thinking')] }, [{ role: 'control', content: 'thinking' }]],
    ['a message of version 4', { role: 'user', content: 'Hi' }, [{ role: 'user', content: 'Hi' }]],
    ['what is no part', user(5, null), [{ role: 'user', content: '' }], `${at}, messages.0.parts.1`],
    ['a part without a type', user({ text: 'a' }), [{ role: 'user', content: 'a' }]],
    ['a text that is none', user({ type: 'text', text: ['a'] }), [{ role: 'user', content: '[part left out]' }], at],
    ['reasoning that is none', assistant({ type: 'reasoning' }), []],
    ['an image elsewhere', user(image('https://x.test/y')), [{ role: 'user', content: '[image left out]' }], `${at}.url`],
    [
      'a file',
      user({ type: 'file', mediaType: 'application/pdf', url: 'data:,' }),
      [{ role: 'user', content: '[file left out]' }],
      at,
    ],
    ['a provider’s own part', user({ type: 'custom' }), [{ role: 'user', content: '[part left out]' }], at],
    ['a file in reasoning', assistant({ type: 'reasoning-file' }), [{ role: 'assistant', content: '[file left out]' }], at],
    ['a name of JavaScript’s', user({ type: 'constructor' }), [{ role: 'user', content: '[part left out]' }], at],
    ['a call of an unknown state', assistant(tool({ state: 'partial-call' })), called({ city: 'Tokyo' })],
    [
      'a call that was cut',
      assistant(tool({ state: 'output-error', input: '{"city": ', errorText: 'no' })),
      [...called({ _raw: '{"city": ' }), { role: 'tool', content: 'no', tool_name: 'get_weather', tool_call_id: 'c1' }],
    ],
    ['a call whose raw input is kept', assistant(tool({ input: undefined, rawInput: '{"a":1}' })), called({ a: 1 })],
    ['a list as its input', assistant(tool({ input: [1] })), called({ _raw: '[1]' })],
    [
      'a call with nothing',
      assistant({ type: 'dynamic-tool' }),
      [{ role: 'assistant', content: '', tool_calls: [{ id: '', function: { name: '', arguments: {} } }] }],
    ],
  ])('accepts %s in earlier messages', (_, message, messages, header) => {
    expect(toMade(parse({ messages: [message, hi] }))).toEqual({
      body: { messages: [...messages, { role: 'user', content: 'Hi' }] },
      header,
    })
  })
})

describe('the SDK’s own convertToModelMessages', () => {
  const called = fc
    .record({
      name: fc.stringMatching(/^[a-z_]{1,9}$/),
      toolCallId: fc.uuid(),
      input: fc.constantFrom({}, { city: 'Tokyo' }),
      isDynamic: fc.boolean(),
    })
    .chain(({ name, isDynamic, ...call }) => {
      const named = { ...call, ...(isDynamic ? { type: 'dynamic-tool', toolName: name } : { type: `tool-${name}` }) }
      return fc.oneof(
        fc.constantFrom('input-streaming', 'input-available').map((state) => ({ ...named, state })),
        fc.jsonValue({ maxDepth: 1 }).map((output) => ({ ...named, state: 'output-available', output })),
        trickyText.map((errorText) => ({ ...named, state: 'output-error', errorText })),
        fc.constant({ ...named, state: 'output-denied', approval: { id: 'x', approved: false, reason: 'no' } }),
      )
    })
  const texts = fc.record({ type: fc.constant('text'), text: trickyText })
  const reasoning = fc.record({ type: fc.constant('reasoning'), text: trickyText })
  const forThePage = fc.constantFrom(
    { type: 'step-start' },
    { type: 'data-x', data: 1 },
    { type: 'source-url', sourceId: 's', url: 'u' },
  )
  const conversation = fc.array(
    fc.oneof(
      fc.record({ role: fc.constantFrom('user', 'system'), parts: fc.array(texts, { minLength: 1, maxLength: 3 }) }),
      fc.record({
        role: fc.constant('assistant'),
        parts: fc.array(fc.oneof(texts, reasoning, called, forThePage), { maxLength: 6 }),
      }),
    ),
    { maxLength: 4 },
  )

  /** Translates a message of the AI SDK into one or several messages of Ollama. */
  function toOllama({ role, content }: ModelMessage): object[] {
    if (typeof content === 'string') return [{ role, content }]
    const join = (type: string) => content.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('')
    if (role === 'tool') {
      return content.flatMap((part) => {
        if (part.type !== 'tool-result' || !('value' in part.output)) return []
        const { value } = part.output
        const said = typeof value === 'string' ? value : JSON.stringify(value)
        return [{ role, content: said, tool_name: part.toolName, tool_call_id: part.toolCallId }]
      })
    }
    const calls = content.flatMap((part) =>
      part.type === 'tool-call' ? [{ id: part.toolCallId, function: { name: part.toolName, arguments: part.input } }] : [],
    )
    const thinking = join('reasoning')
    const message = {
      role,
      content: join('text'),
      ...(thinking && { thinking }),
      ...(calls.length > 0 && { tool_calls: calls }),
    }
    return role !== 'assistant' || message.content || thinking || calls.length > 0 ? [message] : []
  }

  test('gives the model the same messages', async () => {
    await fc.assert(
      fc.asyncProperty(conversation, async (messages) => {
        const theirs = (await convertToModelMessages(messages as unknown as UIMessage[])).flatMap(toOllama)
        expect(messagesOf(hi, ...messages)).toEqual([{ role: 'user', content: 'Hi' }, ...theirs])
      }),
      { numRuns: 300 },
    )
  })
})
