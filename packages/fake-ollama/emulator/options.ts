import { OllamaError } from './ollama-error.ts'

/** The options that change what the demo does; Ollama's others are checked for their type and ignored. */
export interface Options {
  seed?: number
  temperature?: number
  num_predict?: number
  num_ctx?: number
  stop?: string[]
}

const types = {
  integer: 'num_keep seed num_predict top_k repeat_last_n num_ctx num_batch num_gpu main_gpu num_thread',
  float32: 'top_p min_p typical_p temperature repeat_penalty presence_penalty frequency_penalty',
  boolean: 'use_mmap',
  array: 'stop',
}
const typeOf = new Map(Object.entries(types).flatMap(([type, names]) => names.split(' ').map((name) => [name, type] as const)))

function isOf(type: string, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value) && value.every((item) => typeof item === 'string')
  return typeof value === (type === 'boolean' ? 'boolean' : 'number')
}

/** @throws OllamaError 500 for a wrong type, as Ollama does (captures/error-option-type); unknown options pass, `null` is unset. */
export function parseOptions(options: Readonly<Record<string, unknown>> = {}): Options {
  const known: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const type = typeOf.get(name)
    if (type === undefined || value === null) continue
    if (!isOf(type, value)) throw new OllamaError(500, `option "${name}" must be of type ${type}`)
    known[name] = value
  }
  return known
}
