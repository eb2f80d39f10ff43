import { toSeconds } from '#ollama-grammar/duration.ts'
import { isNumber, isObject, toNumber } from '../exact-json.ts'
import type { GenerationCall } from '../generation.ts'

/** The limits on what a request may ask for. 0 means no limit. */
export interface Clamps {
  readonly numPredict: number
  readonly numCtx: number
  readonly keepAliveSeconds: number
}

/**
 * Lowers the values of a request to the limits. For Ollama, a negative number means no limit. A
 * `num_predict` that is 0 or absent also means no limit (docs/ollama.md#1-stream). So these values
 * are lowered, too. An absent `num_ctx` or `keep_alive` stays absent, because the model or Ollama
 * has a default for it.
 */
export function clamp(body: GenerationCall['body'], { numPredict, numCtx, keepAliveSeconds }: Clamps): GenerationCall['body'] {
  // If `options` is a text, it is not spread, because each of its characters would become an
  // option. Ollama rejects such a request.
  const options = isObject(body.options) ? body.options : {}
  const { num_predict, num_ctx } = options
  const clamped = {
    ...(numPredict > 0 && isAbove(toNumber(num_predict) || -1, numPredict) && { num_predict: numPredict }),
    ...(numCtx > 0 && isGiven(num_ctx) && isAbove(toNumber(num_ctx), numCtx) && { num_ctx: numCtx }),
  }
  const { keep_alive } = body
  const seconds = isNumber(keep_alive) ? toNumber(keep_alive) : toSeconds(keep_alive)
  const isLong = keepAliveSeconds > 0 && isGiven(keep_alive) && isAbove(seconds, keepAliveSeconds)
  return {
    ...body,
    ...(Object.keys(clamped).length > 0 && { options: { ...options, ...clamped } }),
    ...(isLong && { keep_alive: keepAliveSeconds }),
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** Whether a value is above the limit. A negative value and NaN are above every limit. */
function isAbove(value: number, max: number): boolean {
  return !(value >= 0 && value <= max)
}
