import { toFullName } from '#ollama-grammar/model-name.ts'
import { createRandom } from './seeded.ts'

/**
 * An installed model. `/api/tags` and `/api/show` list its `capabilities`, and requests are
 * checked against them.
 */
export interface Model {
  name: string
  capabilities: readonly string[]
  modifiedAt: string
}

/**
 * The emulator's models, newest first as `/api/tags` lists them. A request without a model gets the
 * newest one (docs/protocol.md#8-configuration), so the plain model comes first.
 */
export const models: readonly Model[] = [
  { name: 'demo:latest', capabilities: ['completion'], modifiedAt: '2026-11-22T12:00:03.071828182Z' },
  { name: 'demo-thinking:latest', capabilities: ['completion', 'thinking'], modifiedAt: '2026-11-22T12:00:02.141592653Z' },
  { name: 'demo-tools:latest', capabilities: ['completion', 'tools'], modifiedAt: '2026-11-22T12:00:01.414213562Z' },
  { name: 'demo-embed:latest', capabilities: ['embedding'], modifiedAt: '2026-11-22T12:00:00.577215664Z' },
]

const sizeBytes = 40_960
const embeddingLength = 256
const maxContextLength = 32_768
const defaultContextLength = 4096

/**
 * Returns the context length of a loaded model: `num_ctx` if the request has one, but never more
 * than the model's maximum.
 */
export function toContextLength(numCtx = defaultContextLength): number {
  return Math.max(4, Math.min(Math.trunc(numCtx), maxContextLength))
}

/** Finds the model that Ollama would use for this name. */
export function findModel(name: string): Model | undefined {
  return models.find((model) => model.name === toFullName(name))
}

function toDigest(name: string): string {
  const random = createRandom(name)
  return Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join('')
}

const details = {
  parent_model: '',
  format: 'demo',
  family: 'demo',
  families: ['demo'],
  parameter_size: '0',
  quantization_level: 'none',
}

/** An entry of `/api/tags`, as Ollama 0.33 writes it (captures/0.33/tags). */
export function toTag({ name, capabilities, modifiedAt }: Model): object {
  return {
    name,
    model: name,
    modified_at: modifiedAt,
    size: sizeBytes,
    digest: toDigest(name),
    details: { ...details, context_length: maxContextLength, embedding_length: embeddingLength },
    capabilities,
  }
}

/** An entry of `/api/ps`. */
export function toRunning({ name }: Model, expires_at: string, context_length = defaultContextLength): object {
  const model = { name, model: name, size: sizeBytes, digest: toDigest(name), details }
  return { ...model, expires_at, size_vram: 0, context_length }
}

/** The answer of `/api/show`. */
export function toShow({ name, capabilities, modifiedAt }: Model): object {
  const template = '{{- range .Messages }}{{ .Role }}: {{ .Content }}\n{{ end }}'
  return {
    modelfile: `# No model: this is the emulator built into Sluice\nFROM ${name}\nTEMPLATE """${template}"""\n`,
    parameters: 'temperature                    0.8',
    template,
    details,
    model_info: {
      'demo.context_length': maxContextLength,
      'demo.embedding_length': embeddingLength,
      'general.architecture': 'demo',
      'general.basename': name.slice(0, name.indexOf(':')),
      'general.parameter_count': 0,
      'general.type': 'model',
    },
    tensors: [],
    capabilities,
    modified_at: modifiedAt,
  }
}
