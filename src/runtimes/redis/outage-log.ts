/** The time between two lines about an outage, in milliseconds. */
const lineMs = 60_000

/**
 * Writes a line when Redis goes down, at most one in a minute, and a line when it is well again
 * after that.
 */
export function createOutageLog(write: (line: string) => void): (isReady: boolean, reason: string, now: number) => void {
  let toldAt = -Infinity
  let isTold = false

  return (isReady, reason, now) => {
    if (isReady && isTold) {
      isTold = false
      write('Redis is well again: answers can be resumed, and limits count all processes')
    } else if (!isReady && !isTold && now - toldAt >= lineMs) {
      toldAt = now
      isTold = true
      write(
        `Redis is down (${reason}): until it is well again, new answers cannot be resumed, and limits count only this process`,
      )
    }
  }
}
