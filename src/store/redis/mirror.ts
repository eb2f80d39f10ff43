import type { OwnRun } from '../../streams/runs.ts'
import { producerLost } from '../../streams/failures.ts'
import type { Command } from './commands.ts'
import { isForeign, parseEntries, toXadd, type Entry } from './entries.ts'
import { keys } from './keys.ts'
import type { Redis } from './redis.ts'

/** Copies the log of a run of this process to Redis. */
export interface Mirror {
  /** Copies what the log has more. If a copy is under way, that one copies it. */
  copy(): Promise<void>
  /**
   * Makes the next copy renew the keys in Redis. If Redis has lost the log, the whole log is copied
   * again.
   */
  renew(): void
  /** Whether everything is copied, the end included, or nothing more can be copied. */
  readonly isOver: boolean
  /** Whether it is not known what Redis has, because a copy has failed. */
  readonly isUnsure: boolean
}

export interface MirrorOptions {
  readonly run: OwnRun
  readonly redis: Redis
  /** How many bytes of the frames are kept in Redis. */
  readonly runBytes: number
  /** How long Redis keeps the log of an open run if nobody renews it, in milliseconds. */
  readonly openMs: number
  /**
   * Returns the commands that make the run known. They are sent again if Redis has lost the log.
   */
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
  /** Whether the log may have more than was read. */
  let isAsked = false
  /** The entries in Redis, the oldest first. */
  let sizes: { readonly first: number; readonly bytes: number }[] = []
  let totalBytes = 0
  /** The frames in front of this one are dropped in Redis. */
  let trimmed = 0

  const mirror: Mirror = {
    get isOver() {
      return isGivenUp || isEnded
    },
    get isUnsure() {
      return isUnsure
    },
    copy() {
      isAsked = true
      return (copying ??= copyWhileAsked())
    },
    renew() {
      isDescribed = false
      isUnsure = true
    },
  }

  /** A frame may come after the last read of a copy, and before that copy is over. */
  async function copyWhileAsked() {
    while (isAsked) {
      isAsked = false
      await copy()
    }
    copying = undefined
  }

  async function copy() {
    try {
      for (;;) {
        if (isUnsure) await findPlace()
        if (mirror.isOver || !(await copyMore())) return
        onCopied()
      }
    } catch (error) {
      mirror.renew() // the connection is lost, or Redis is full
      if (!isForeign(error)) return
      void redis.send('UNLINK', key).catch(() => {})
      restart()
    }
  }

  /**
   * Adds the next part of the log. Returns false if there was nothing to do. Additions wait for
   * each other, because Redis may refuse one of them for lack of memory and take the next one.
   */
  async function copyMore(): Promise<boolean> {
    const entry = readEntry()
    if (!entry && isDescribed) return false
    const oldest = sizes[0]?.first ?? 0
    const added = entry && redis.send('XADD', key, ...(isStarted ? ['NOMKSTREAM'] : []), ...toXadd(entry))
    const others: Command[] = [
      ...(oldest > trimmed ? [['XTRIM', key, 'MINID', `1-${oldest + 1}`]] : []),
      ...(isStarted && isDescribed ? [] : [['PEXPIRE', key, `${openMs}`]]),
      ...(isDescribed ? [] : toDescription()),
      ...(entry?.isEnd ? toEnding() : []),
    ]
    const sent = others.map(send)
    trimmed = oldest
    isDescribed = true
    isStarted ||= entry !== undefined
    if (sent.length > 0) await Promise.all(added ? [added.catch(() => {}), ...sent] : sent)
    if (!entry) return true
    try {
      onAdded((await added) !== null, entry)
    } catch (error) {
      await onRefused(error)
    }
    return true
  }

  /**
   * Something that is not ours can have the name of a list or of a chat. The log goes on without
   * it.
   */
  async function send(command: Command) {
    try {
      await redis.send(...command)
    } catch (error) {
      if (command[1] === key || !isForeign(error)) throw error
    }
  }

  function onAdded(isKept: boolean, { count, isEnd }: Entry) {
    // If Redis was restarted or has evicted the key, the log is gone.
    if (!isKept) return restart()
    last = count - 1
    isEnded = isEnd
  }
  /** Redis refuses an entry if it has this one or a later one. @throws other errors */
  async function onRefused(error: unknown) {
    if (!(error instanceof Error && error.message.includes('equal or smaller'))) throw error
    await findPlace()
  }

  /**
   * Reads the next frames behind `last`, or the end. If the log has dropped some of them in the
   * meantime, Redis drops what is in front of them, too.
   */
  function readEntry(): Entry | undefined {
    const after = Math.max(last, log.oldest() - 1)
    if (after > last) {
      sizes = []
      totalBytes = 0
    }
    const part = log.read(after)
    if (part instanceof Promise || typeof part === 'string') {
      giveUp() // the log is erased
      return undefined
    }
    const { frames, isEnd } = part
    if (frames === '' && !isEnd) return undefined
    if (frames !== '') grow(after + 1, utf8.encode(frames).byteLength)
    const first = after + 1
    return {
      epoch: 1,
      count: part.last + 1,
      first,
      oldest: sizes[0]?.first ?? first,
      frames,
      isEnd: frames === '', // the end is an entry of its own, so that it stays when the frames are erased
    }
  }

  /**
   * Counts an entry. The oldest ones are to be dropped if the run has more bytes than it may have.
   */
  function grow(first: number, bytes: number) {
    sizes.push({ first, bytes })
    totalBytes += bytes
    while (totalBytes > runBytes && sizes.length > 1) totalBytes -= sizes.shift()!.bytes
  }

  /** Asks Redis what it has, after an addition whose result is not known. */
  async function findPlace() {
    const [newest] = parseEntries(await redis.send('XREVRANGE', key, '+', '-', 'COUNT', '1'))
    isUnsure = false
    if (!newest) return restart()
    if (newest.epoch > 1) {
      // Another process has found that this one is dead, and has ended the run.
      isGivenUp = true
      return run.fail(producerLost())
    }
    last = newest.count - 1
    // Redis may have refused them for lack of memory, and have taken the end.
    if (newest.isEnd && !isEnded) await Promise.all(toEnding().map(send))
    isEnded = newest.isEnd
    while (sizes.length > 0 && sizes.at(-1)!.first > last) totalBytes -= sizes.pop()!.bytes
  }

  /** Copies the whole log again. */
  function restart() {
    last = -1
    isDescribed = isStarted = isEnded = false
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
