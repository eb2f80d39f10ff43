import { toTagged } from '#ollama-grammar/model-name.ts'
import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { SafeStorage } from '../storage/safe-storage.ts'
import type { Ask } from './ask.ts'
import type { Model } from './page-state.ts'
import { parseShow, toModels } from './to-models.ts'
import type { Abilities, InstalledModel } from './to-models.ts'

/** The installed models, and what is known about them. */
export interface Models {
  readonly all: ReadonlySignal<readonly InstalledModel[]>
  /**
   * The model that the server uses for a request without a model name (docs/protocol.md#2-native).
   */
  readonly defaultModel: ReadonlySignal<string | undefined>
  /** Applies the answers of `/api/tags` and `/api/ps`, and the server's default model. */
  update(tags: unknown, ps: unknown, defaultModel: string | undefined): void
  /** Asks the server for a model's capabilities, if they are not known yet. */
  loadAbilities(name: string): Promise<void>
  loadAllAbilities(): Promise<void>
  /** Marks a model as being in memory, because it has answered. */
  markLoaded(name: string): void
}

const concurrency = 4
const name = 'sluice.models'

/**
 * Since Ollama 0.33, the list of models contains their capabilities. For an older Ollama, the page
 * sends one request per model. The answer is stored for this tab under the model's digest, because
 * each request counts toward the key's rate limit.
 */
export function createModels(ask: Ask, tab: SafeStorage): Models {
  const all = signal<readonly InstalledModel[]>([])
  const defaultModel = signal<string | undefined>(undefined)
  const known = tab.readMap<Abilities>(name)
  const asked = new Map<string, Promise<void>>()

  const change = (matches: (model: InstalledModel) => boolean, news: Partial<Model>) => {
    all.value = all.value.map((model) => (matches(model) ? { ...model, ...news } : model))
  }

  const show = async ({ name: model, digest }: InstalledModel) => {
    const { isGood, value } = await ask('/api/show', { body: { model } })
    const abilities = isGood ? parseShow(value) : undefined
    if (!abilities) return
    known.set(digest, abilities)
    tab.write(name, JSON.stringify([...known]))
    change((other) => other.digest === digest, abilities)
  }

  const loadAbilitiesOf = (model: InstalledModel) => {
    if (model.capabilities) return Promise.resolve()
    const running = asked.get(model.digest) ?? show(model).finally(() => asked.delete(model.digest))
    asked.set(model.digest, running)
    return running
  }

  return {
    all,
    defaultModel,
    update(tags, ps, model) {
      defaultModel.value = model
      all.value = toModels(tags, ps).map((model) => (model.capabilities ? model : { ...model, ...known.get(model.digest) }))
    },
    async loadAbilities(wanted) {
      const model = findModel(all.peek(), wanted)
      if (model) await loadAbilitiesOf(model)
    },
    async loadAllAbilities() {
      const rest = [...all.peek()]
      const work = async () => {
        for (let model = rest.shift(); model; model = rest.shift()) await loadAbilitiesOf(model)
      }
      await Promise.all(Array.from({ length: concurrency }, work))
    },
    markLoaded(wanted) {
      const model = findModel(all.peek(), wanted)
      if (model && !model.isLoaded) change((other) => other.name === model.name, { isLoaded: true })
    },
  }
}

export function findModel<M extends Model>(models: readonly M[], wanted: string): M | undefined {
  return models.find((model) => model.name === wanted || model.name === toTagged(wanted))
}
