/**
 * Makes a controller that aborts when `signal` aborts, and that may outlive `signal`. `release`
 * ends this link and removes the listener, because a listener that stays keeps 20 KB a request in
 * memory on Node (docs/hazards.md#37).
 */
export function link(signal: AbortSignal): { controller: AbortController; release: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
  return { controller, release: () => signal.removeEventListener('abort', abort) }
}
