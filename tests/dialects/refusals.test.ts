import { describe, expect, test } from 'vitest'
import { anthropic } from '../../src/dialects/anthropic/anthropic.ts'
import { openai } from '../../src/dialects/openai/openai.ts'
import { refused, type Reason } from '../../src/dialects/refusals.ts'
import { ask, type Json } from './ask.ts'

const tool = { type: 'function', function: { name: 'f' } }
const chat = (more: Json) => () => ask('/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }], ...more })
const respond = (more: Json) => () => ask('/v1/responses', { input: 'Hi', ...more })
const image = { type: 'input_image', image_url: 'https://x.test/y.png' }

/** The runtime and not the dialect refuses `background`, so a black-box test has this reason. */
type Checked = Exclude<Reason, 'background'>

/** For each reason, a request refused for that reason, and the path that the error names. */
const requests: Readonly<Record<Checked, readonly [path: string, run: () => unknown]>> = {
  answers: ['n', chat({ n: 2 })],
  audio: ['modalities', chat({ modalities: ['audio'] })],
  call: ['tool_choice', chat({ tools: [tool], tool_choice: 'required', stream: true })],
  count: ['count_tokens', () => anthropic.questions['POST /v1/messages/count_tokens']!({ params: {}, body: {} })],
  echo: ['background', respond({ background: true, instructions: 'x'.repeat(300_000) })],
  image: ['input.0.content.0.image_url', respond({ input: [{ role: 'user', content: [image] }] })],
  store: ['store', respond({ background: true, store: false })],
  stored: ['previous_response_id', respond({ previous_response_id: 'resp_1' })],
  logprobs: ['logprobs', () => ask('/v1/completions', { prompt: 'a', logprobs: 1 })],
  tokens: ['input', () => openai.questions['POST /v1/embeddings']!({ params: {}, body: { model: 'm', input: [1] } })],
  tool: ['tool_choice', chat({ tools: [{ type: 'web_search' }], tool_choice: { type: 'web_search' } })],
}

describe('a valid request that is refused', () => {
  test.each(Object.entries(requests) as [Checked, (typeof requests)[Checked]][])('%s', (reason, [path, run]) => {
    const { message, code, status, issues } = refused(path, reason)
    expect({ code, status }).toEqual({ code: 'not_supported', status: 400 })
    expect(run).toThrow(expect.objectContaining({ message, code, status, issues }))
  })
})
