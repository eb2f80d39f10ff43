import { describe, expect, test } from 'vitest'
import { json, withoutThinking, tokens } from '#fake-ollama/scripts.ts'
import { read, readAll } from '../reader.ts'
import { useStage, type RuntimeName } from '../server.ts'
import { toEach } from './tables.ts'

const messages = [{ role: 'user', content: 'Hi' }]

/** How each dialect asks for thinking: the path, the name of the field, and the body. */
const wishes: readonly (readonly [path: string, ignored: string, body: object])[] = [
  ['/v1/chat/completions', 'reasoning_effort', { messages, reasoning_effort: 'high' }],
  ['/v1/responses', 'reasoning.effort', { input: 'Hi', reasoning: { effort: 'max' }, stream: true }],
  ['/v1/messages', 'thinking', { messages, max_tokens: 5, thinking: { type: 'enabled' } }],
  ['/v1/messages', 'output_config.effort', { messages, max_tokens: 5, output_config: { effort: 'medium' }, stream: true }],
  ['/chat', 'think', { text: 'Hi', think: true }],
  ['/api/ui/chat', 'think', { messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }], think: 'low' }],
]

/**
 * Requests for thinking to a model that cannot think. Ollama's own `/v1` accepts them, so Sluice
 * does too.
 */
export function describeThink(runtime: RuntimeName) {
  const each = toEach(runtime)
  describe.each([
    ['whose listed capabilities lack thinking', [{ name: 'cannot:latest', capabilities: ['completion'] }], 1],
    ['which an older Ollama lists without capabilities', [{ name: 'cannot:latest' }], 2],
  ])('a model that cannot think, %s,', (_, models, asked) => {
    const stage = useStage(runtime)

    each(wishes)('answers at %s without thinking, and X-Sluice-Ignored names the field: %s', async (path, ignored, body) => {
      stage.upstream.on('GET /api/tags', json({ models }))
      const model = stage.upstream.script(withoutThinking(tokens({ count: 2 })), 'cannot')
      const before = stage.upstream.requestsFor(model).length
      const { status, text, headers } = await readAll(read(stage.server, { path, body: { model, ...body } }))
      expect(status).toBe(200)
      expect(text).toContain('token')
      expect(headers['x-sluice-ignored']).toBe(ignored)
      const thoughts = stage.upstream.requestsFor(model).map((request) => 'think' in (request.json as object))
      expect(thoughts.slice(before)).toEqual([true, false].slice(-asked))
    })

    test.each(['/api/chat', '/ollama/api/chat'])('is refused by Ollama itself at %s', async (path) => {
      const model = stage.upstream.script(withoutThinking(tokens({ count: 2 })), 'cannot')
      const { status, text, headers } = await readAll(read(stage.server, { path, body: { model, messages, think: true } }))
      expect(status).toBe(400)
      expect(text).toContain('does not support thinking')
      expect(headers).not.toHaveProperty('x-sluice-ignored')
    })
  })
}
