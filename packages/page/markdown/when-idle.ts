/** After this time no further job is started in the same idle period. */
const sliceMs = 6

const jobs = new Set<() => void>()
const request: (run: () => void) => void =
  typeof requestIdleCallback === 'function' ? (run) => requestIdleCallback(run, { timeout: 500 }) : (run) => setTimeout(run, 16)

/** Runs a short job when the page is idle. A job that is already waiting is not added again. */
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
