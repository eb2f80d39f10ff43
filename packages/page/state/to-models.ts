import { isRecord } from '../chats/fields.ts'
import type { Model } from './page-state.ts'

export type Abilities = Pick<Model, 'capabilities' | 'contextLength'>

export interface InstalledModel extends Model {
  /** Of its content: two names may have one. */
  readonly digest: string
  /** Whether a request without a model may get it (docs/protocol.md §2): not if it only embeds, or runs elsewhere. */
  readonly isForAll: boolean
}

/** The answers of `/api/tags` and `/api/ps`, in Ollama's order: newest first. What has no name is left out. */
export function toModels(tags: unknown, ps: unknown): InstalledModel[] {
  const loaded = new Set(toEntries(ps).map(({ name }) => name))
  return toEntries(tags).map(({ name, size, digest, remote_host, details, capabilities }) => {
    const { parameter_size, quantization_level, family, context_length } = toObject(details)
    return {
      name: name as string,
      sizeBytes: typeof size === 'number' ? size : 0,
      ...(isText(parameter_size) && { parameters: parameter_size }),
      ...(isText(quantization_level) && { quantization: quantization_level }),
      isLoaded: loaded.has(name),
      capabilities: undefined,
      ...toAbilities(capabilities, context_length),
      digest: isText(digest) ? digest : (name as string),
      isForAll: !remote_host && !(isText(family) && family.includes('bert')),
    }
  })
}

/** The answer of `/api/show`; undefined if it says nothing of capabilities, as an Ollama of before 2025 does. */
export function parseShow({ capabilities, model_info }: Readonly<Record<string, unknown>>): Abilities | undefined {
  return toAbilities(capabilities, Object.entries(toObject(model_info)).find(([key]) => key.endsWith('.context_length'))?.[1])
}

function toAbilities(capabilities: unknown, length: unknown): Abilities | undefined {
  if (!Array.isArray(capabilities)) return undefined
  return { capabilities: capabilities.filter(isText), ...(typeof length === 'number' && { contextLength: length }) }
}

/**
 * Who answers where no model is named: as Sluice chooses (docs/protocol.md §8), one that is loaded, else the newest.
 * A server may have another in `SLUICE_MODEL`, which only its answers tell.
 */
export function toDefault<M extends InstalledModel>(models: readonly M[]): M | undefined {
  const able = models.filter(({ isForAll, capabilities }) => isForAll && (capabilities?.includes('completion') ?? true))
  return able.find(({ isLoaded }) => isLoaded) ?? able[0]
}

function toEntries(value: unknown): Readonly<Record<string, unknown>>[] {
  const { models } = toObject(value)
  return Array.isArray(models) ? models.map(toObject).filter(({ name }) => isText(name)) : []
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
