import { toSeconds } from '#ollama-grammar/duration.ts'
import { isObject } from './body.ts'
import { OllamaError } from './go-json.ts'

/** The options that the demo applies. Ollama's other options are only checked for their type. */
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

/**
 * Parses the options. Unknown options are ignored, and `null` means unset.
 * @throws OllamaError 500 for a wrong type, as Ollama does (captures/error-option-type)
 */
export function parseOptions(options: unknown): Options {
  const known = Object.entries(isObject(options) ? options : {}).filter(([name, value]) => typeOf.has(name) && value !== null)
  for (const [name, value] of known) {
    const type = typeOf.get(name) ?? ''
    if (!isOf(type, value)) throw new OllamaError(500, `option "${name}" must be of type ${type}`)
  }
  return Object.fromEntries(known)
}

const defaultKeepAliveMs = 5 * 60_000
/**
 * Go's longest duration, which Ollama uses for "for ever". It puts `expires_at` into the year 2318.
 */
const foreverMs = 9_223_372_036_854

/**
 * Parses `keep_alive` into milliseconds. It is a number of seconds or a Go duration (`1h30m`). A
 * negative value means for ever (docs/ollama.md#1-stream).
 * @throws OllamaError 400 with the text of Go's parser
 */
export function parseKeepAlive(value: unknown): number {
  if (value === undefined || value === null) return defaultKeepAliveMs
  if (typeof value !== 'number' && typeof value !== 'string') throw new OllamaError(400, `Unsupported type: '${typeof value}'`)
  const ms = toSeconds(value) * 1000
  if (Number.isNaN(ms)) {
    const problem = /^[-+]?\d+\.?\d*$/.test(String(value)) ? 'missing unit in' : 'invalid'
    throw new OllamaError(400, `time: ${problem} duration ${JSON.stringify(value)}`)
  }
  return ms < 0 ? foreverMs : Math.min(ms, foreverMs)
}
