import { describe, expect, test } from 'vitest'
import { ask, type Json } from './ask.ts'
import { checkHeader } from './check-call.ts'

const question = { role: 'user', content: 'Hi', parts: [{ type: 'text', text: 'Hi' }] }
const times = <T>(count: number, toItem: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => toItem(i))
const fn = (i: number) => ({ type: 'function', function: { name: `f${i}` } })

/** For each path, requests that contain a very large number of one thing. */
const requests: Readonly<Record<string, Readonly<Record<string, (count: number) => Json>>>> = {
  '/v1/chat/completions': {
    tools: (count) => ({ tools: times(count, fn) }),
    'tools of one name': (count) => ({ tools: times(count, () => fn(0)) }),
    'tools that are none': (count) => ({ tools: times(count, () => ({})) }),
    'chosen tools': (count) => ({
      tools: times(count, fn),
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: times(count, fn) },
    }),
    messages: (count) => ({ messages: times(count, () => question) }),
    parts: (count) => ({ messages: [{ role: 'user', content: times(count, () => ({ type: 'file' })) }] }),
    calls: (count) => ({ messages: [{ role: 'assistant', tool_calls: times(count, (i) => ({ id: `${i}`, ...fn(i) })) }] }),
    results: (count) => ({ messages: times(count, (i) => ({ role: 'tool', tool_call_id: `${i}`, content: '' })) }),
    'stop sequences': (count) => ({ stop: times(count, String) }),
    'unknown fields': (count) => Object.fromEntries(times(count, (i) => [`unknown${i}`, 1])),
  },
  '/v1/responses': {
    messages: (count) => ({ input: times(count, () => question) }),
    namespaces: (count) => ({
      tools: times(count, (i) => ({ type: 'namespace', name: `n${i}`, tools: [{ type: 'function', name: 'f' }] })),
    }),
    'items that are none': (count) => ({ input: [question, ...times(count, () => ({}))] }),
    calls: (count) => ({ input: times(count, (i) => ({ type: 'function_call', call_id: `${i}`, name: 'f', arguments: '{' })) }),
    outputs: (count) => ({ input: times(count, (i) => ({ type: 'function_call_output', call_id: `${i}`, output: [] })) }),
    thoughts: (count) => ({ input: times(count, () => ({ type: 'reasoning', summary: [{ text: 'hm' }] })) }),
    'found tools': (count) => ({
      input: [{ type: 'tool_search_output', tools: times(count, (i) => ({ type: 'function', name: `f${i}` })) }],
    }),
    includes: (count) => ({ include: times(count, String) }),
  },
  '/v1/messages': {
    messages: (count) => ({ messages: times(count, () => question) }),
    'deferred tools, all found': (count) => ({
      tools: times(count, (i) => ({ name: `f${i}`, input_schema: {}, defer_loading: true })),
      messages: [{ role: 'user', content: times(count, (i) => ({ type: 'tool_reference', tool_name: `f${i}` })) }],
    }),
    calls: (count) => ({ messages: [{ role: 'assistant', content: times(count, (i) => ({ type: 'tool_use', id: `${i}` })) }] }),
    results: (count) => ({
      messages: [{ role: 'user', content: times(count, (i) => ({ type: 'tool_result', tool_use_id: `${i}` })) }],
    }),
    texts: (count) => ({ messages: [{ role: 'assistant', content: times(count, () => ({ type: 'text', text: 'a' })) }] }),
    documents: (count) => ({ system: times(count, () => ({ type: 'document' })) }),
  },
  '/api/ui/chat': {
    messages: (count) => ({ messages: times(count, () => question) }),
    steps: (count) => ({
      messages: [
        question,
        { role: 'assistant', parts: times(count, (i) => ({ type: i % 2 ? 'step-start' : 'text', text: 'a' })) },
      ],
    }),
    calls: (count) => ({
      messages: [
        { role: 'assistant', parts: times(count, (i) => ({ type: 'tool-f', toolCallId: `${i}`, state: 'output-error' })) },
      ],
    }),
    tools: (count) => ({ tools: times(count, () => 5) }),
  },
}

const cases = Object.entries(requests).flatMap(([path, shapes]) =>
  Object.entries(shapes).map(([name, toBody]) => ({ path, name, toBody })),
)

/**
 * Measures a step in milliseconds. It returns the shortest of a few runs, because other work of the
 * machine only makes a run longer.
 */
function measure(step: () => void): number {
  const runs = times(3, () => {
    const from = performance.now()
    step()
    return performance.now() - from
  })
  return Math.min(...runs)
}

describe('a request with very many', () => {
  test.each(cases)('$name at $path takes as long as many requests with fewer', ({ path, toBody }) => {
    const toRequest = (count: number) => ({ messages: [question], input: 'Hi', ...toBody(count) })
    const [small, large] = [toRequest(1000), toRequest(32_000)]
    const inParts = measure(() => times(32, () => ask(path, small)))
    const atOnce = measure(() => checkHeader(ask(path, large).header))
    // In quadratic time, the large request would take 32 times as long as 32 small requests.
    expect(atOnce / inParts).toBeLessThan(8)
  })
})
