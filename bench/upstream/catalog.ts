import { MODEL } from './question.ts'

const details = {
  parent_model: '',
  format: 'gguf',
  family: 'llama',
  families: ['llama'],
  parameter_size: '1B',
  quantization_level: 'Q4_0',
}
const model = {
  name: MODEL,
  model: MODEL,
  modified_at: '2026-11-20T09:30:00Z',
  size: 1_000_000_000,
  digest: '0'.repeat(64),
  details,
}

/** What gateways ask an Ollama for besides streams, by path: enough that they believe it. */
export const catalog: Readonly<Partial<Record<string, object>>> = {
  '/api/version': { version: '0.24.0' },
  '/api/tags': { models: [model] },
  '/api/ps': { models: [{ ...model, expires_at: '2036-11-20T09:30:00Z', size_vram: model.size }] },
  '/api/show': {
    details,
    model_info: { 'general.architecture': 'llama', 'llama.context_length': 8192 },
    capabilities: ['completion'],
  },
  '/v1/models': { object: 'list', data: [{ id: MODEL, object: 'model', created: 1_795_000_000, owned_by: 'library' }] },
}
