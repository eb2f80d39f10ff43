import { ServiceError } from '../errors.ts'

/**
 * The explanations for valid requests that Sluice refuses. A request is refused only if the client
 * would not work without the feature that the request asks for. Anything else that Ollama cannot
 * honour is ignored and reported (ignored.ts).
 */
export const reasons = {
  answers: 'a request has one answer; send several requests',
  audio: 'the answer is text, not audio',
  background: 'this server keeps no answers; the answer comes with its request',
  call: 'Ollama cannot make a model call a tool, and a stream is on its way before it is known; send stream: false',
  count: 'Ollama counts the tokens of a prompt only when it answers',
  echo: 'its states repeat instructions, metadata and tools; together these may have 262,144 characters of JSON at most',
  image: 'send the image itself, in base64; nothing is fetched',
  logprobs: 'Ollama has log probabilities in a chat; ask for them at /v1/chat/completions',
  store: 'a background response is kept for ten minutes after its end; leave store out, or background',
  stored: 'nothing is kept (store: false); send all that was said so far',
  tokens: 'send texts, because the tokens belong to another model',
  tool: 'the tool that it names is not offered, because it was left out or is not in tools',
} as const

export type Reason = keyof typeof reasons

/** Returns the error for a refused part of a request. `path` is the path of this part. */
export function refused(path: string, reason: Reason): ServiceError {
  const message = reasons[reason]
  return new ServiceError('not_supported', `${path} is not supported: ${message}`, { issues: [{ path, message }] })
}
