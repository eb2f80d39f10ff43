import type { OwnRun } from '../../streams/runs.ts'
import { producerLost } from '../../streams/failures.ts'
import type { Command } from './commands.ts'
import { parseEntries, toXadd, type Entry } from './entries.ts'
import { keys } from './keys.ts'
import type { Redis } from './redis.ts'

/** Copies the log of a run of this process to Redis. */
export interface Mirror {
  /** Copies what the log has more. If a copy is under way, returns that one. */
  copy(): Promise<void>
  /**
   * Makes the next copy renew the keys in Redis. If Redis has lost the log, the whole log is copied
   * again.
   */
  renew(): void
  /** Whether everything is copied, the end included, or nothing more can be copied. */
  readonly isOver: boolean
}

export interface MirrorOptions {
  readonly run: OwnRun
  readonly redis: Redis
  /** How many bytes of the frames are kept in Redis. */
  readonly runBytes: number
  /** How long Redis keeps the log of an open run if nobody renews it, in milliseconds. */
  readonly openMs: number
  /** Returns the commands that make the run known. They are sent again if Redis has lost the log. */
  toDescription(): Command[]
  /** Returns the commands that are sent with the end of the log. */
  toEnding(): Command[]
  /** Called when there is more to read in Redis. */
  onCopied(): void
}

const utf8 = new TextEncoder()

/**
 * Creates the mirror of a run. The memory of this process has the frames, so the mirror keeps only
 * its place. If Redis cannot be reached, the mirror goes on from there later.
 */
export function createMirror({ run, redis, runBytes, openMs, toDescription, toEnding, onCopied }: MirrorOptions): Mirror {
  const { log } = run
  const key = keys.log(log.id)
  /** The number of the last frame that is in Redis. */
  let last = -1
  /** Whether the end is in Redis. */
  let isEnded = false
  let isDescribed = false
  /** Whether Redis must have the log already. */
  let isStarted = false
  /** Whether the answer of Redis to an addition is not known. */
  let isUnsure = false
  let isGivenUp = false
  let copying: Promise<void> | undefined
  /** The entries in Redis, the oldest first. */
  let sizes: { readonly first: number; readonly bytes: number }[] = []
  let totalBytes = 0
  /** The frames in front of this one are dropped in Redis. */
  let trimmed = 0

  const mirror: Mirror = {
    get isOver() {
      return isGivenUp || isEnded
    },
    copy: () => (copying ??= copy().finally(() => (copying = undefined))),
    renew() {
      isDescribed = false
      isUnsure = true
    },
  }

  async function copy() {
    try {
      if (isUnsure) await findPlace()
      while (!mirror.isOver && (await copyMore())) onCopied()
    } catch {
      mirror.renew() // the connection is lost, or Redis is full
    }
  }

  /** Adds everything that the log has behind `last`. Returns false if there was nothing to do. */
  async function copyMore(): Promise<boolean> {
    const entries = readEntries()
    if (entries.length === 0 && isDescribed) return false
    const additions = entries.map((entry, i) => ['XADD', key, ...(isStarted || i > 0 ? ['NOMKSTREAM'] : []), ...toXadd(entry)])
    const oldest = sizes[0]?.first ?? 0
    const others: Command[] = [
      ...(oldest > trimmed ? [['XTRIM', key, 'MINID', `1-${oldest + 1}`]] : []),
      ...(isStarted && isDescribed ? [] : [['PEXPIRE', key, `${openMs}`]]),
      ...(isDescribed ? [] : toDescription()),
      ...(entries.at(-1)?.isEnd ? toEnding() : []),
    ]
    trimmed = oldest
    isDescribed = true
    isStarted ||= entries.length > 0
    const [added] = await Promise.all([settle(additions), Promise.all(others.map((command) => redis.send(...command)))])
    if (added === 'refused') await findPlace()
    else if (added === 'gone') restart()
    else if (entries.length > 0) {
      const { count, isEnd } = entries.at(-1)!
      last = count - 1
      isEnded = isEnd
    }
    return true
  }

  /**
   * Sends additions. `refused`: Redis has this entry or a later one already. `gone`: Redis has lost
   * the log, because it was restarted, or has evicted the key.
   */
  async function settle(additions: readonly Command[]): Promise<'added' | 'refused' | 'gone'> {
    const results = await Promise.allSettled(additions.map((command) => redis.send(...command)))
    const reasons: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    const other = reasons.find((reason) => !isRefusal(reason))
    if (other !== undefined) throw other
    if (reasons.length > 0) return 'refused'
    return results.some((result) => result.status === 'fulfilled' && result.value === null) ? 'gone' : 'added'
  }

  /**
   * Reads what the log has behind `last`, as entries. Frames that the log has dropped in the
   * meantime are a gap, which readers see.
   */
  function readEntries(): Entry[] {
    const entries: Omit<Entry, 'oldest'>[] = []
    let isRead = false
    for (let after = Math.max(last, log.oldest() - 1); !isRead;) {
      const part = log.read(after)
      if (part instanceof Promise || typeof part === 'string') break // it is erased
      const { frames, isEnd } = part
      const count = part.last + 1
      if (frames !== '') {
        entries.push({ epoch: 1, count, first: after + 1, frames, isEnd: false })
        grow(after + 1, utf8.encode(frames).byteLength)
      }
      if (isEnd) entries.push({ epoch: 1, count, first: count, frames: '', isEnd })
      isRead = isEnd || frames === ''
      after = part.last
    }
    if (!isRead && entries.length === 0) giveUp()
    return entries.map((entry) => ({ ...entry, oldest: sizes[0]?.first ?? entry.first }))
  }

  /** Counts an entry. The oldest ones are to be dropped if the run has more bytes than it may have. */
  function grow(first: number, bytes: number) {
    sizes.push({ first, bytes })
    totalBytes += bytes
    while (totalBytes > runBytes && sizes.length > 1) totalBytes -= sizes.shift()!.bytes
  }

  /** Asks Redis what it has, after an addition whose result is not known. */
  async function findPlace() {
    const [newest] = parseEntries(await redis.send('XREVRANGE', key, '+', '-', 'COUNT', '1'))
    isUnsure = false
    if (!newest) return isStarted ? restart() : undefined
    if (newest.epoch > 1) {
      // Another process has found that this one is dead, and has ended the run.
      isGivenUp = true
      return run.fail(producerLost())
    }
    last = newest.count - 1
    isEnded = newest.isEnd
  }

  /** Copies the whole log again. */
  function restart() {
    last = -1
    isDescribed = isStarted = false
    sizes = []
    totalBytes = trimmed = 0
  }

  /** Ends the log in Redis with a gap, so that its readers do not wait. */
  function giveUp() {
    isGivenUp = true
    const first = Number.MAX_SAFE_INTEGER
    const end = toXadd({ epoch: 1, count: first, first, oldest: first, frames: '', isEnd: true })
    for (const command of [
      ['XADD', key, ...end],
      ['PEXPIRE', key, `${openMs}`],
    ])
      void redis.send(...command).then(onCopied, () => {})
  }

  return mirror
}

/** Whether Redis refuses an entry because it has this one or a later one. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.message.includes('equal or smaller')
}
