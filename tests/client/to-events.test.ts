import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { toEvents } from '#client/to-events.ts'

const usage = { promptTokens: undefined, tokens: 0 }
const done = { type: 'done', reason: 'stop', model: undefined, usage, tokensPerSecond: undefined }

test.each<[string, string, unknown, unknown[]]>([
  ['text of /api/chat', 'message', { message: { content: ' Hi' }, done: false }, [{ type: 'delta', text: ' Hi' }]],
  ['text of /api/generate', 'message', { response: 'Hi', done: false }, [{ type: 'delta', text: 'Hi' }]],
  ['a line without text', 'message', { message: { role: 'assistant', content: '' }, done: false }, []],
  ['raw text', 'messages', '{"done":true}\n', [{ type: 'delta', text: '{"done":true}\n' }]],
  ['raw thinking', 'thinking', 'Hm', [{ type: 'thinking', text: 'Hm' }]],
  ['no raw text', 'messages', '', []],
  ['thinking of /api/generate', 'message', { response: '', thinking: 'Hm' }, [{ type: 'thinking', text: 'Hm' }]],
  [
    'all at once, in order',
    'message',
    {
      model: 'm',
      message: { content: 'b', thinking: 'a', tool_calls: [{ function: { name: 'f', arguments: { x: 1 } } }] },
      done: true,
      done_reason: 'length',
      prompt_eval_count: 9,
      eval_count: 30,
      eval_duration: 600_000_000,
    },
    [
      { type: 'thinking', text: 'a' },
      { type: 'delta', text: 'b' },
      { type: 'tool_call', name: 'f', arguments: { x: 1 } },
      { type: 'done', reason: 'length', model: 'm', usage: { promptTokens: 9, tokens: 30 }, tokensPerSecond: 50 },
    ],
  ],
  ['a bare end', 'message', { done: true }, [done]],
  ['the end of /chat', 'done', { model: 'm', eval_count: 2 }, [{ ...done, model: 'm', usage: { ...usage, tokens: 2 } }]],
  ['a status', 'status', { status: 'loading', elapsed_ms: 300 }, [{ type: 'status', status: 'loading', elapsedMs: 300 }]],
  [
    'a failure by name',
    'failed',
    { error: 'No', code: 'idle_timeout', request_id: 'r' },
    [{ type: 'failed', message: 'No', code: 'idle_timeout', requestId: 'r' }],
  ],
  [
    'a failure as a line of Ollama',
    'message',
    { error: 'No' },
    [{ type: 'failed', message: 'No', code: 'upstream_failed', requestId: undefined }],
  ],
])('%s', (_name, event, data, events) => {
  expect(toEvents({ event, data: typeof data === 'string' ? data : JSON.stringify(data) })).toEqual(events)
})

test.each([
  ['another event name', 'ping', '{}'],
  ['no JSON', 'message', '[DONE]'],
  ['no object', 'message', '[1]'],
  ['null', 'message', 'null'],
  ['an end that is no JSON', 'done', 'yes'],
  ['a failure without a text', 'failed', '{}'],
  ['a status event without a status', 'status', '{"elapsed_ms":1}'],
  ['a line about something else', 'message', '{"completed":1,"total":9,"done":false}'],
  ['a call without a name', 'message', '{"message":{"tool_calls":[{"function":{}}]}}'],
])('data of an unknown shape become an unknown event: %s', (_name, event, data) => {
  expect(toEvents({ event, data })).toEqual([{ type: 'unknown', event, data }])
})

test('toEvents never throws, whatever the data', () => {
  const names = fc.constantFrom('message', 'messages', 'thinking', 'status', 'done', 'failed', 'x')
  const value = fc.jsonValue()
  const key = fc.constantFrom(
    'message',
    'response',
    'content',
    'thinking',
    'tool_calls',
    'function',
    'name',
    'done',
    'error',
    'code',
  )
  const line = fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value), fc.array(fc.dictionary(key, value))))
  const data = fc.oneof(
    fc.string(),
    line.map((fields) => JSON.stringify(fields)),
  )
  fc.assert(
    fc.property(names, data, (event, data) => {
      for (const { type } of toEvents({ event, data })) expect(type).toMatch(/^[a-z_]+$/)
    }),
  )
})
