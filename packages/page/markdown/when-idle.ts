/** No slice of work is longer than its longest job and this. */
const sliceMs = 6

const jobs = new Set<() => void>()
const request: (run: () => void) => void =
  typeof requestIdleCallback === 'function' ? (run) => requestIdleCallback(run, { timeout: 500 }) : (run) => setTimeout(run, 16)

/** Does a short job when nothing else is to be done; the same function is done once only, however often it was asked for. */
export function whenIdle(job: () => void): void {
  if (jobs.size === 0) request(work)
  jobs.add(job)
}

function work() {
  const end = performance.now() + sliceMs
  for (const job of jobs) {
    jobs.delete(job)
    job()
    if (performance.now() > end) break
  }
  if (jobs.size > 0) request(work)
}
