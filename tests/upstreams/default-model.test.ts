import { describe, expect, test } from 'vitest'
import { createDefaultModel } from '../../src/upstreams/default-model.ts'
import type { Answer, Question } from '../../src/upstreams/upstream.ts'

const { signal } = new AbortController()
type Listed = readonly unknown[] | undefined

/** Creates an upstream with these models loaded and installed. */
function create({ configured, ps = [], tags = [] }: { configured?: string; ps?: Listed; tags?: Listed } = {}) {
  const asked: string[] = []
  const state = { ps, tags, now: 0 }
  const find = createDefaultModel({
    configured,
    maxLoads: 2,
    now: () => state.now,
    async ask({ about }: Question): Promise<Answer> {
      asked.push(about)
      return { text: '', value: { models: about === 'ps' ? state.ps : state.tags } }
    },
  })
  return { find: (isAllowed = (_name: string) => true) => find({ signal }, isAllowed), asked, state }
}

const installed = (name: string, modified_at?: string, more: object = {}) => ({ name, modified_at, ...more })

describe('the default model', () => {
  test('is the configured one, without a request to Ollama', async () => {
    const { find, asked } = create({ configured: 'mine:7b', ps: [installed('other')] })
    expect(await find()).toBe('mine:7b')
    expect(asked).toEqual([])
  })

  test('is a loaded model, without a request for the installed ones', async () => {
    const { find, asked } = create({ ps: [installed('loaded')], tags: [installed('newest', '2026-01-01T00:00:00Z')] })
    expect(await find()).toBe('loaded')
    expect(asked).toEqual(['ps'])
  })

  test.each([
    [
      'in any order',
      [installed('b', '2025-01-01T00:00:00Z'), installed('c', '2026-03-01T00:00:00Z'), installed('a', '2024-01-01T00:00:00Z')],
    ],
    ['across time zones', [installed('b', '2026-03-01T10:00:00+08:00'), installed('c', '2026-03-01T10:00:00-07:00')]],
    ['where some have no date', [installed('b'), installed('c', '2026-03-01T00:00:00Z'), installed('a', 'yesterday')]],
  ])('is otherwise the newest installed model, %s', async (_, tags) => {
    expect(await create({ tags }).find()).toBe('c')
  })

  test('is never a text that is no name of a model', async () => {
    const names = ['a\nb', '\u001b[2J', '../x', 'two words', '', 'n'.repeat(257)]
    const { find } = create({
      ps: names.map((name) => installed(name)),
      tags: [...names, 'good'].map((name) => installed(name)),
    })
    expect(await find()).toBe('good')
  })

  test('is never an embedding model, nor a model on another machine', async () => {
    const others = [
      installed('nomic-embed-text', '2026-09-09T00:00:00Z', { details: { family: 'nomic-bert' } }),
      installed('all-minilm', '2026-09-09T00:00:00Z', { details: { family: 'bert' } }),
      installed('gpt-oss:120b-cloud', '2026-09-09T00:00:00Z', { remote_host: 'https://ollama.com:443' }),
    ]
    const gemma = installed('gemma3', '2020-01-01T00:00:00Z', { details: { family: 'gemma3' } })
    expect(await create({ ps: others, tags: [...others, gemma] }).find()).toBe('gemma3')
    await expect(create({ tags: others }).find()).rejects.toMatchObject({ code: 'no_model' })
  })

  test('is never a model without the `completion` capability in the list of Ollama 0.33, whatever its family', async () => {
    const embeds = installed('qwen3-embedding', '2026-09-09T00:00:00Z', {
      details: { family: 'qwen3' },
      capabilities: ['embedding'],
    })
    const writes = installed('bert-writer', '2020-01-01T00:00:00Z', {
      details: { family: 'bert' },
      capabilities: ['completion'],
    })
    expect(await create({ tags: [embeds, writes] }).find()).toBe('bert-writer')
    await expect(create({ tags: [embeds] }).find()).rejects.toMatchObject({ code: 'no_model' })
  })

  test.each([[[]], [undefined], [[{}]], [[{ name: 7 }]]])(
    'is reported as missing, with advice, if the list is %j',
    async (models) => {
      await expect(create({ ps: models, tags: models }).find()).rejects.toMatchObject({
        code: 'no_model',
        status: 503,
        message: expect.stringContaining('ollama pull'),
      })
    },
  )

  test('is an allowed model: another loaded one, or an installed one', async () => {
    const { find } = create({
      ps: [installed('a'), installed('b')],
      tags: [installed('c', '2025-01-01T00:00:00Z'), installed('d', '2026-01-01T00:00:00Z')],
    })
    expect(await find((name) => name !== 'a')).toBe('b')
    expect(await find((name) => name === 'c')).toBe('c')
    expect(await find()).toBe('a')
    await expect(find(() => false)).rejects.toMatchObject({ code: 'no_model' })
    await expect(create({ configured: 'mine' }).find(() => false)).rejects.toMatchObject({ code: 'no_model' })
  })

  test('is kept for 30 seconds', async () => {
    const { find, asked, state } = create({ ps: [installed('a')] })
    expect(await find()).toBe('a')
    state.ps = [installed('b')]
    state.now = 29_999
    expect(await find()).toBe('a')
    state.now = 30_000
    expect(await find()).toBe('b')
    expect(asked).toEqual(['ps', 'ps'])
  })

  test('that is missing is not kept: the next request finds one that was pulled meanwhile', async () => {
    const { find, state } = create()
    await expect(find()).rejects.toMatchObject({ code: 'no_model' })
    state.tags = [installed('pulled')]
    expect(await find()).toBe('pulled')
  })

  test('is looked up twice for 20 simultaneous requests', async () => {
    const { find, asked } = create({ tags: [installed('a')] })
    expect(await Promise.all(Array.from({ length: 20 }, () => find()))).toEqual(Array(20).fill('a'))
    expect(asked).toEqual(['ps', 'ps', 'tags', 'tags'])
  })

  test('that is missing is an error for all of 20 simultaneous requests', async () => {
    const { find, asked } = create()
    const all = Array.from({ length: 20 }, () => find())
    for (const one of all) await expect(one).rejects.toMatchObject({ code: 'no_model' })
    expect(asked).toEqual(['ps', 'ps', 'tags', 'tags'])
  })
})
