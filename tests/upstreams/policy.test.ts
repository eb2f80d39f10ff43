import { describe, expect, test } from 'vitest'
import type { GenerationCall } from '../../src/generation.ts'
import { parseExact } from '../../src/exact-json.ts'
import { createPolicy, type PolicyOptions } from '../../src/upstreams/policy.ts'
import type { Answer, CallContext, Question, Upstream } from '../../src/upstreams/upstream.ts'
import { upstreamContract } from '../contracts/upstream.ts'
import { ollamaOverHttp } from './ollama-over-http.ts'

const clamps = { numPredict: 0, numCtx: 0, keepAliveSeconds: 0 }

upstreamContract('Ollama behind a policy', (url) =>
  createPolicy({
    upstream: ollamaOverHttp(url),
    allowed: undefined,
    aliases: new Map(),
    clamps,
    defaultModel: undefined,
    maxLoads: 2,
    now: () => 0,
  }),
)

const { signal } = new AbortController()
const text = '{"models":[{"name":"gemma3:270m", "size":1.0},{"name":"kimi:cloud"},{"name":"llama3:8b"}]}'

/** Creates a policy in front of an upstream that records its calls. */
function create(options: Partial<PolicyOptions> = {}) {
  const calls: GenerationCall[] = []
  const questions: Question[] = []
  const upstream: Upstream = {
    async generate(call) {
      calls.push(call)
      return { flow: async () => {}, close: () => {} }
    },
    async ask(question): Promise<Answer> {
      questions.push(question)
      return { text, value: parseExact(text) as Answer['value'] }
    },
    blob: async () => {},
  }
  const policy = createPolicy({
    upstream,
    allowed: undefined,
    aliases: new Map(),
    clamps,
    defaultModel: undefined,
    maxLoads: 2,
    now: () => 0,
    ...options,
  })
  const generate = async (
    model: string | undefined,
    context: Partial<CallContext> = {},
    more: Partial<GenerationCall> = {},
  ) => {
    await policy.generate({ endpoint: 'chat', model, body: { model }, ...more }, { signal, ...context })
    return calls.at(-1)!
  }
  return { policy, generate, calls, questions }
}

const notFound = (name: string) => ({ code: 'model_not_found', status: 404, message: `model '${name}' not found` })

describe('the policy of models', () => {
  test('allows all models except cloud models, if nothing is set', async () => {
    const { generate } = create()
    expect((await generate('anything:7b')).model).toBe('anything:7b')
    await expect(generate('kimi:cloud')).rejects.toMatchObject(notFound('kimi:cloud'))
  })

  test('answers for a model that is not allowed as Ollama does for a missing one, and sends no request', async () => {
    const { generate, calls } = create({ allowed: ['gemma3:*'] })
    await generate('gemma3:270m')
    await expect(generate('llama3:8b')).rejects.toMatchObject(notFound('llama3:8b'))
    expect(calls).toHaveLength(1)
  })

  test('a key may use its own models, if they are also in the general list', async () => {
    const { generate } = create({ allowed: ['gemma3:*', 'llama3:*'] })
    const key = { models: ['llama3:*', 'other'] }
    await generate('llama3:8b', key)
    await expect(generate('gemma3:270m', key)).rejects.toMatchObject(notFound('gemma3:270m'))
    await expect(generate('other', key)).rejects.toMatchObject(notFound('other'))
  })

  test('an alias is replaced by its model, and that model must be allowed', async () => {
    const aliases = new Map([
      ['gpt-4o', 'gemma3:270m'],
      ['secret', 'llama3:8b'],
    ])
    const { generate } = create({ allowed: ['gemma3:*'], aliases })
    expect(await generate('gpt-4o')).toMatchObject({ model: 'gemma3:270m' })
    await expect(generate('secret')).rejects.toMatchObject(notFound('secret'))
  })

  test('the default model may be an alias', async () => {
    const { generate } = create({ aliases: new Map([['gpt-4o', 'gemma3:270m']]), defaultModel: 'gpt-4o' })
    expect(await generate(undefined)).toMatchObject({ model: 'gemma3:270m' })
  })

  test('the default model is one that the key allows', async () => {
    const { generate } = create()
    expect((await generate(undefined)).model).toBe('gemma3:270m')
    expect((await generate(undefined, { models: ['llama3:*'] })).model).toBe('llama3:8b')
    await expect(generate(undefined, { models: ['nothing'] })).rejects.toMatchObject({ code: 'no_model' })
  })

  test('applies to questions and to management, whatever the name of the model’s field', async () => {
    const { policy, generate, questions } = create({ allowed: ['gemma3:*'], aliases: new Map([['g', 'gemma3:1b']]) })
    for (const [about, body] of [
      ['show', { model: 'llama3' }],
      ['show', { name: 'llama3' }],
      ['embed', { model: 'llama3', input: 'a' }],
      ['embeddings', { model: 'llama3', prompt: 'a' }],
      ['systemone', { model: 'llama3', state: 'a', questions: {} }],
      ['copy', { source: 'llama3', destination: 'gemma3:1b' }],
      ['copy', { source: 'gemma3:1b', destination: 'llama3' }],
      ['delete', { model: 'llama3' }],
    ] as const)
      await expect(policy.ask({ about, body }, { signal })).rejects.toMatchObject(notFound('llama3'))
    expect(questions).toEqual([])
    for (const endpoint of ['pull', 'push', 'create'] as const) {
      await expect(generate('llama3', {}, { endpoint })).rejects.toMatchObject(notFound('llama3'))
      await expect(generate('gemma3:1b', {}, { endpoint, body: { model: 'gemma3:1b', from: 'llama3' } })).rejects.toMatchObject(
        notFound('llama3'),
      )
    }
    await policy.ask({ about: 'show', body: { model: 'g', verbose: true } }, { signal })
    expect(questions).toEqual([{ about: 'show', body: { model: 'gemma3:1b', verbose: true } }])
  })

  test('lists only allowed models, and keeps Ollama’s bytes if all are allowed', async () => {
    const context = { signal }
    const all = create({ allowed: ['*', '*:cloud'] })
    expect((await all.policy.ask({ about: 'tags' }, context)).text).toBe(text)
    const some = await create({ allowed: ['gemma3:*'] }).policy.ask({ about: 'ps' }, context)
    expect(some.text).toBe('{"models":[{"name":"gemma3:270m","size":1.0}]}')
    expect(JSON.stringify(some.value)).toBe(some.text)
  })

  test('adds to a list the aliases whose models are allowed', async () => {
    const aliases = new Map([
      ['gpt-4o', 'gemma3:270m'],
      ['secret', 'llama3:8b'],
      ['far', 'kimi:cloud'],
    ])
    const { policy } = create({ aliases })
    const aliasesFor = async (context: Partial<CallContext>) =>
      (await policy.ask({ about: 'tags' }, { signal, ...context })).aliases
    expect(await aliasesFor({})).toEqual([
      ['gpt-4o', 'gemma3:270m'],
      ['secret', 'llama3:8b'],
    ])
    expect(await aliasesFor({ models: ['llama3:*'] })).toEqual([['secret', 'llama3:8b']])
  })

  test('clamps generations and embeddings, and does not change management calls', async () => {
    const { generate, policy, questions } = create({ clamps: { numPredict: 10, numCtx: 100, keepAliveSeconds: 60 } })
    expect((await generate('a', {}, { body: { keep_alive: -1, options: { num_ctx: 1e6 } } })).body).toEqual({
      keep_alive: 60,
      options: { num_ctx: 100, num_predict: 10 },
    })
    expect((await generate('a', {}, { endpoint: 'create', body: { model: 'a' } })).body).toEqual({ model: 'a' })
    for (const about of ['embed', 'systemone'] as const) {
      await policy.ask({ about, body: { model: 'a', input: 'x', keep_alive: '9h' } }, { signal })
      expect(questions.at(-1)).toMatchObject({ about, body: { model: 'a', input: 'x', keep_alive: 60 } })
    }
  })
})
