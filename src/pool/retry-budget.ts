/** The requests and retries of this long a time count, in seconds. */
const windowSeconds = 10
/** This share of the requests may be sent again. */
const share = 0.2
/** This many may be sent again in any case. */
const least = 100

interface Second {
  at: number
  requests: number
  retries: number
}

/**
 * Limits how many requests are sent again to another host, so that failures do not multiply the
 * work of the hosts that are left: a fifth of the requests of the last 10 s, and at least 100.
 */
export function createRetryBudget() {
  const seconds = Array.from({ length: windowSeconds }, (): Second => ({ at: -1, requests: 0, retries: 0 }))

  function toSecond(now: number): Second {
    const at = Math.floor(now / 1000)
    const second = seconds[at % windowSeconds]!
    if (second.at !== at) Object.assign(second, { at, requests: 0, retries: 0 })
    return second
  }

  return {
    /** A request has come. */
    add(now: number): void {
      toSecond(now).requests++
    },
    /** Whether a request may be sent again now. If it may, that counts. */
    take(now: number): boolean {
      const second = toSecond(now)
      let [requests, retries] = [0, 0]
      for (const { at, ...counts } of seconds) {
        if (at <= second.at - windowSeconds) continue
        requests += counts.requests
        retries += counts.retries
      }
      if (retries >= Math.max(least, share * requests)) return false
      second.retries++
      return true
    },
  }
}
