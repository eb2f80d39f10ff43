/** A command that takes longer is slow, in milliseconds. */
const slowMs = 50
/** After so many slow commands in a row, Redis is not ready. */
const maxSlow = 3
/** After so long a time of only quick commands, Redis is ready again, in milliseconds. */
const recoveryMs = 1000

/**
 * Decides whether Redis is well enough for new work. The rules are functions of the events and of
 * `now`, which comes from a monotonic clock in milliseconds. Commands that travel together are one
 * command here, because one pause of Redis delays all of them.
 */
export interface Health {
  /** There is a connection. `isWell` says whether Redis accepts writes. */
  connect(isWell: boolean): void
  /** The connection is lost, with all commands that have no answer. */
  disconnect(): void
  /** A command is sent. It ends with `answer` or `fail`, in the order of the commands. */
  send(now: number): void
  /** The oldest command has its answer. */
  answer(now: number): void
  /** Nobody waits for the answer of the oldest command any more. */
  fail(): void
  /** Redis says that it cannot do its work now, for example because its memory is full. */
  refuse(): void
  isReady(now: number): boolean
}

export function createHealth(): Health {
  let isConnected = false
  /** When each command without an answer was sent, the oldest first. */
  let sent: number[] = []
  /** How many of the last commands were slow, without a quick one between them. */
  let slow = 0
  let isIll = false
  /** When the first quick command since the last slow one was answered. */
  let quickSince: number | undefined

  function onSlow() {
    slow++
    quickSince = undefined
    if (slow >= maxSlow) isIll = true
  }

  return {
    connect(isWell) {
      isConnected = true
      if (!isWell) isIll = true
    },
    disconnect() {
      isConnected = false
      sent = []
      quickSince = undefined
    },
    send: (now) => void sent.push(now),
    answer(now) {
      if (now - (sent.shift() ?? now) > slowMs) return onSlow()
      slow = 0
      quickSince ??= now
      if (now - quickSince >= recoveryMs) isIll = false
    },
    fail() {
      sent.shift()
      onSlow()
    },
    refuse() {
      isIll = true
      quickSince = undefined
    },
    isReady(now) {
      if (!isConnected || isIll) return false
      // A command that is late is slow, even before its answer comes.
      const late = sent[maxSlow - 1 - slow]
      return late === undefined || now - late <= slowMs
    },
  }
}
