import { convertToModelMessages, type ModelMessage, type UIMessage } from 'ai'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aiSdk } from '../../../src/dialects/ai-sdk/ai-sdk.ts'
import { uiMessageStream } from '../../../src/dialects/ai-sdk/stream.ts'
import { trickyText } from '../../arbitrary-generation.ts'

const parse = (body: object) =>
  aiSdk.generations['/api/ui/chat']!({ accept: undefined, canCut: true, body: body as Record<string, unknown> })
const askedOf = (body: object) => parse(body).call.body as { messages: Readonly<Record<string, unknown>>[] }

const text = (said: string) => ({ type: 'text', text: said })
const user = (...parts: unknown[]) => ({ id: 'u', role: 'user', parts })
const assistant = (...parts: unknown[]) => ({ id: 'a', role: 'assistant', parts })
const hi = user(text('Hi'))
const messagesOf = (...messages: object[]) => askedOf({ messages }).messages
const png = 'iVBORw0KGgo='
const tool = (more: object) => ({ type: 'tool-get_weather', toolCallId: 'c1', input: { city: 'Tokyo' }, ...more })

describe('POST /api/ui/chat', () => {
  test('asks chat what DefaultChatTransport posts, for either trigger', () => {
    for (const trigger of ['submit-message', 'regenerate-message']) {
      const { call, encoder } = parse({ id: 'chat-1', messages: [hi], trigger, messageId: 'u' })
      expect(call).toEqual({ endpoint: 'chat', model: undefined, body: { messages: [{ role: 'user', content: 'Hi' }] } })
      expect(encoder).toBe(uiMessageStream)
    }
  })

  test('passes on what a page may add, its system prompt in front', () => {
    const known = {
      tools: [{ type: 'function', function: { name: 'f' } }],
      think: 'low',
      format: 'json',
      options: { seed: 1 },
      keep_alive: '1m',
    }
    const { call } = parse({
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
    expect(call).toEqual({ endpoint: 'chat', model: 'gemma3', body: { ...known, messages } })
  })

  test.each(['model', 'system', 'tools', 'think', 'format', 'options', 'keep_alive'])('takes null as an absent %s', (field) => {
    expect(parse({ messages: [hi], [field]: null }).call.model).toBeUndefined()
  })

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

  test('tells an assistant’s reasoning, and each of its steps as a message with the results of its tools', () => {
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

  test('leaves out what is for the page alone', () => {
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
    ['a role of Ollama’s', { messages: [{ role: 'tool', parts: [] }] }, 'messages.0.role'],
    ['messages of version 4', { messages: [{ role: 'user', content: 'Hi' }] }, 'messages.0.parts'],
    ['a part that is none', { messages: [user(5)] }, 'messages.0.parts.0'],
    ['a part that is null', { messages: [user(null)] }, 'messages.0.parts.0'],
    ['a part without a type', { messages: [user({ text: 'Hi' })] }, 'messages.0.parts.0.type'],
    ['text that is none', { messages: [hi, user({ type: 'text', text: ['Hi'] })] }, 'messages.1.parts.0.text'],
    ['reasoning that is none', { messages: [assistant({ type: 'reasoning' })] }, 'messages.0.parts.0.text'],
    ['a file without a URL', { messages: [user({ type: 'file', mediaType: 'image/png' })] }, 'messages.0.parts.0.url'],
    [
      'a file’s path',
      { messages: [user({ type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,/etc/pass wd' })] },
      'messages.0.parts.0.url',
    ],
    [
      'a call without an id',
      { messages: [assistant(tool({ toolCallId: 1, state: 'input-available' }))] },
      'messages.0.parts.0.toolCallId',
    ],
    ['a call of an unknown state', { messages: [assistant(tool({ state: 'partial-call' }))] }, 'messages.0.parts.0.state'],
    [
      'a call with a list as its input',
      { messages: [assistant(tool({ state: 'input-available', input: [] }))] },
      'messages.0.parts.0.input',
    ],
    [
      'a dynamic call without a name',
      { messages: [assistant({ ...tool({ state: 'input-available' }), type: 'dynamic-tool' })] },
      'messages.0.parts.0.toolName',
    ],
    ['a bad model', { messages: [hi], model: '../x' }, 'model'],
    ['a bad option', { messages: [hi], options: { seed: 'x' } }, 'options.seed'],
    ['a bad system', { messages: [hi], system: 1 }, 'system'],
    ['bad thinking', { messages: [hi], think: 'deep' }, 'think'],
    ['tools of the SDK', { messages: [hi], tools: { f: {} } }, 'tools'],
    ['a tool without a name', { messages: [hi], tools: [{ function: {} }] }, 'tools.0.function.name'],
  ])('refuses %s, and says where', (_, body, path) => {
    expect(() => parse(body)).toThrow(
      expect.objectContaining({ code: 'invalid_request', issues: expect.arrayContaining([expect.objectContaining({ path })]) }),
    )
  })

  test.each([
    [
      'a file that is no image',
      { type: 'file', mediaType: 'application/pdf', url: `data:application/pdf;base64,${png}` },
      'mediaType',
    ],
    ['an image elsewhere', { type: 'file', mediaType: 'image/png', url: 'https://evil/x.png' }, 'url'],
    ['a provider’s own part', { type: 'custom', kind: 'openai.compaction' }, 'type'],
    ['a file in reasoning', { type: 'reasoning-file', mediaType: 'image/png', url: `data:image/png;base64,${png}` }, 'type'],
    ['a part of tomorrow', { type: 'hologram' }, 'type'],
    ['a name of JavaScript’s', { type: 'constructor' }, 'type'],
  ])('does not support %s, and says where', (_, part, field) => {
    const refused = { code: 'not_supported', issues: [expect.objectContaining({ path: `messages.1.parts.1.${field}` })] }
    expect(() => parse({ messages: [hi, user(text('a'), part)] })).toThrow(expect.objectContaining(refused))
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

  /** A model message, or several, in Ollama's words. */
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
