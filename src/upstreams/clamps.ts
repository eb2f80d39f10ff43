import { toSeconds } from '#ollama-grammar/duration.ts'
import { isNumber, isObject, toNumber } from '../exact-json.ts'
import type { GenerationCall } from '../generation.ts'

/** The most that a request may ask for. 0 means no limit. */
export interface Clamps {
  readonly numPredict: number
  readonly numCtx: number
  readonly keepAliveSeconds: number
}

/**
 * Lowers the values of a request to the limits. To Ollama a negative number means "without end",
 * and so does a `num_predict` that is 0 or absent (docs/ollama.md#1-stream). An absent `num_ctx` or
 * `keep_alive` stays absent, because the model or Ollama has a value of its own.
 */
export function clamp(body: GenerationCall['body'], { numPredict, numCtx, keepAliveSeconds }: Clamps): GenerationCall['body'] {
  // A text is not spread, because each of its characters would become an option. Ollama refuses it.
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

/** A value that is no number is beyond every limit, too. */
function isAbove(value: number, max: number): boolean {
  return !(value >= 0 && value <= max)
}
