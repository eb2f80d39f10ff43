import { isObject, toNumber } from '../exact-json.ts'
import { toTokens, type GenerationCall } from '../generation.ts'
import type { Outcome } from '../relay/stream.ts'

/** How many tokens a request may use, before Ollama has counted any. */
export interface TokenEstimate {
  readonly input: number
  readonly output: number
}

/** English has about four characters in a token. Other languages have fewer, JSON and code, too. */
const bytesPerToken = 4
/** An image is 256 tokens to gemma3, and 1,000 and more to models that cut it into tiles. */
const tokensPerImage = 1000
/** What counts for an answer without a limit. Few answers are longer. */
const defaultOutput = 4096
/** No answer is longer. With a number such as 1e300, the stores could not count exactly. */
const maxOutput = 1_000_000

/**
 * Estimates the tokens of a generation. The input is the body of the request, without the text of
 * its images. The output is the smallest limit of the answer's length.
 * @param clamps limits that lower the request's own `num_predict`. 0 and undefined mean no limit.
 */
export function estimateGeneration(
  { body }: GenerationCall,
  bodyBytes: number,
  clamps: readonly (number | undefined)[],
): TokenEstimate {
  const images = toImages(body)
  const imageBytes = images.reduce((sum, image) => sum + image.length, 0)
  const { num_predict } = isObject(body.options) ? body.options : {}
  const limits = [toNumber(num_predict), ...clamps].filter((limit): limit is number => limit !== undefined && limit > 0)
  return {
    input: estimateInput(bodyBytes - imageBytes) + images.length * tokensPerImage,
    output: limits.length > 0 ? Math.ceil(Math.min(...limits, maxOutput)) : defaultOutput,
  }
}

/** Estimates the tokens of a text or of a body without images. */
export function estimateInput(bytes: number): number {
  return Math.ceil(Math.max(bytes, 0) / bytesPerToken)
}

/** Returns the images of a request in Ollama's format, which are texts in base64. */
function toImages({ images, messages }: GenerationCall['body']): string[] {
  const lists = [images, ...(Array.isArray(messages) ? messages.map((message) => isObject(message) && message.images) : [])]
  return lists.flatMap((list) => (Array.isArray(list) ? list.filter((image) => typeof image === 'string') : []))
}

/** The ends at which Sluice stops Ollama, which may have been reading the request until then. */
const stops: ReadonlySet<string> = new Set([
  'cancelled',
  'abandoned',
  'unauthorized',
  'shutting_down',
  'first_token_timeout',
  'idle_timeout',
  'total_timeout',
])

export interface Usage {
  /** Whether the request was sent to Ollama. */
  readonly isSent: boolean
  /** The estimate of the request's tokens, which Ollama does not say of an aborted answer. */
  readonly input: number
}

/**
 * Returns the tokens that a generation has used: what Ollama has counted, or else the pieces that
 * came and the estimate of the request. If Ollama refused the request or never got it, it has used
 * none.
 */
export function toUsedTokens(
  { ended, tally: { done, deltas } }: Pick<Outcome, 'ended' | 'tally'>,
  { isSent, input }: Usage,
): number {
  if (done) {
    const output = toTokens(done.eval_count)
    return output === undefined ? deltas : (toTokens(done.prompt_eval_count) ?? 0) + output
  }
  if (deltas > 0) return input + deltas
  return isSent && (ended.how !== 'failed' || stops.has(ended.error.code)) ? input : 0
}
