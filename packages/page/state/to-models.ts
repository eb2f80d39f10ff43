import { isRecord } from '../chats/fields.ts'
import type { Model } from './page-state.ts'

export type Abilities = Pick<Model, 'capabilities' | 'contextLength'>

export interface InstalledModel extends Model {
  /** The digest of the model's content. Two names may have the same digest. */
  readonly digest: string
}

/**
 * Returns the models that `/api/tags` lists, in Ollama's order, newest first. `/api/ps` lists which
 * of them are in memory. Entries without a name are left out.
 */
export function toModels(tags: unknown, ps: unknown): InstalledModel[] {
  const loaded = new Set(toEntries(ps).map(({ name }) => name))
  return toEntries(tags).map(({ name, size, digest, details, capabilities }) => {
    const { parameter_size, quantization_level, context_length } = toObject(details)
    return {
      name: name as string,
      sizeBytes: typeof size === 'number' ? size : 0,
      ...(isText(parameter_size) && { parameters: parameter_size }),
      ...(isText(quantization_level) && { quantization: quantization_level }),
      isLoaded: loaded.has(name),
      capabilities: undefined,
      ...toAbilities(capabilities, context_length),
      digest: isText(digest) ? digest : (name as string),
    }
  })
}

/**
 * Reads the answer of `/api/show`. Returns `undefined` if the answer contains no capabilities.
 * Versions of Ollama from before 2025 do not send them.
 */
export function parseShow({ capabilities, model_info }: Readonly<Record<string, unknown>>): Abilities | undefined {
  return toAbilities(capabilities, Object.entries(toObject(model_info)).find(([key]) => key.endsWith('.context_length'))?.[1])
}

function toAbilities(capabilities: unknown, length: unknown): Abilities | undefined {
  if (!Array.isArray(capabilities)) return undefined
  return { capabilities: capabilities.filter(isText), ...(typeof length === 'number' && { contextLength: length }) }
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
