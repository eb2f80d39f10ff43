import { expect, test } from 'vitest'
import { createAsk } from '#page/state/ask.ts'
import { createSafeStorage } from '#page/storage/safe-storage.ts'
import { createKey } from '#page/state/key.ts'
import { createModels, findModel } from '#page/state/models.ts'
import { parseShow, toModels } from '#page/state/to-models.ts'
import { loadRecording } from '#fake-ollama/recording.ts'
import { createFakeHost, createStores } from './fake-host.ts'

const read = (name: string) =>
  JSON.parse(
    loadRecording(name)
      .chunks.map(([, text]) => text)
      .join(''),
  ) as Record<string, unknown>

test("Ollama's own lists become models", () => {
  const models = toModels(read('tags'), read('ps'))
  expect(models.find(({ name }) => name === 'smollm2:135m')).toMatchObject({
    parameters: '134.52M',
    sizeBytes: expect.any(Number) as number,
    capabilities: ['completion'],
    contextLength: 8192,
  })
  expect(models.map(({ name, capabilities }) => [name, capabilities?.[1]])).toEqual([
    ['thinky:latest', 'thinking'],
    ['tooly:latest', 'tools'],
    ['gemma3:270m', undefined],
    ['smollm2:135m', undefined],
  ])
})

test('the list of an older Ollama does not say what a model can do', () => {
  for (const model of toModels(read('0.24/tags'), {})) expect(model).toMatchObject({ capabilities: undefined })
})

test('lists of any other shape become no models', () => {
  for (const odd of [undefined, null, 1, 'x', [], {}, { models: null }, { models: [null, 1, {}, { name: 1 }, { name: '' }] }]) {
    expect(toModels(odd, odd)).toEqual([])
  }
  expect(toModels({ models: [{ name: 'a', details: null }] }, undefined)).toEqual([
    { name: 'a', sizeBytes: 0, isLoaded: false, capabilities: undefined, digest: 'a' },
  ])
})

test('the abilities of a model come with its context length', () => {
  expect(parseShow(read('show'))).toMatchObject({ contextLength: 8192 })
  expect(parseShow({})).toBeUndefined()
})

test('a name without a tag means :latest', () => {
  const models = toModels({ models: [{ name: 'a:1b' }, { name: 'a:latest' }] }, {})
  expect(findModel(models, 'a')?.name).toBe('a:latest')
  expect(findModel(models, 'a:1b')?.name).toBe('a:1b')
  expect(findModel(models, 'b')).toBeUndefined()
})

function createAsked(count: number, stores = createStores()) {
  let open = 0
  let most = 0
  const host = createFakeHost({
    url: '',
    stores,
    async fetch(_, init) {
      most = Math.max(most, ++open)
      await new Promise(setImmediate)
      open--
      const { model } = JSON.parse(init?.body as string) as { model: string }
      if (model === 'm3') return Response.json({ error: 'Slowly' }, { status: 429 })
      return Response.json({ capabilities: ['completion', model] })
    },
  })
  const tab = createSafeStorage(host, 'sessionStorage')
  const models = createModels(createAsk(host, createKey(tab, tab)), tab)
  const take = () =>
    models.update({ models: Array.from({ length: count }, (_, i) => ({ name: `m${i}`, digest: `d${i}` })) }, {}, undefined)
  take()
  return { models, host, stores, take, most: () => most }
}

test('abilities are asked for four models at a time, and a failed request is repeated the next time', async () => {
  const { models, host, most } = createAsked(10)
  await models.loadAllAbilities()
  expect(most()).toBe(4)
  expect(models.all.value.map(({ capabilities }) => capabilities?.[1])).toEqual([
    'm0',
    'm1',
    'm2',
    undefined,
    'm4',
    'm5',
    'm6',
    'm7',
    'm8',
    'm9',
  ])
  await models.loadAllAbilities()
  expect(host.asked).toHaveLength(11)
})

test('abilities in the list are not asked for, and are not stored', async () => {
  const { models, host, stores } = createAsked(0)
  models.update(read('tags'), {}, undefined)
  await models.loadAllAbilities()
  await models.loadAbilities('thinky')
  expect(host.asked).toEqual([])
  expect(stores.tab.size).toBe(0)
  expect(models.all.value[0]?.capabilities).toEqual(['completion', 'thinking'])
})

test('abilities in the list win over those that were asked for', async () => {
  const { models } = createAsked(1)
  await models.loadAbilities('m0')
  models.update({ models: [{ name: 'm0', digest: 'd0', capabilities: ['embedding'] }] }, {}, undefined)
  expect(models.all.value[0]?.capabilities).toEqual(['embedding'])
})

test('the abilities of a model are asked for once in a tab', async () => {
  const { models, host, stores, take } = createAsked(2)
  await Promise.all([models.loadAbilities('m1'), models.loadAbilities('m1'), models.loadAbilities('unknown')])
  take()
  await models.loadAbilities('m1')
  expect(host.asked).toHaveLength(1)
  const reloaded = createAsked(2, stores)
  expect(reloaded.models.all.value[1]?.capabilities).toEqual(['completion', 'm1'])
})

test('broken abilities in the storage of the tab are ignored', () => {
  const stores = createStores()
  stores.tab.set('sluice.models', '{')
  expect(createAsked(1, stores).models.all.value).toHaveLength(1)
  stores.tab.set('sluice.models', '3')
  expect(createAsked(1, stores).models.all.value).toHaveLength(1)
})
