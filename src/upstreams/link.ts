/**
 * Makes a controller that aborts when `signal` aborts. `release` removes the listener, so that the
 * controller no longer follows `signal`. On Node, a listener that is not removed keeps 20 KB of
 * memory for each request (docs/hazards.md#37).
 */
export function link(signal: AbortSignal): { controller: AbortController; release: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
  return { controller, release: () => signal.removeEventListener('abort', abort) }
}
