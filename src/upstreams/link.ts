/**
 * A controller that aborts with `signal`, for what may live longer than it. `release` ends that, and removes the listener: one that
 * stays keeps 20 KB a request on Node (hazard 37).
 */
export function link(signal: AbortSignal): { controller: AbortController; release: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
  return { controller, release: () => signal.removeEventListener('abort', abort) }
}
