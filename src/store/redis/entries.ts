import type { Part } from '../../streams/run-log.ts'
import type { Reply } from './redis.ts'

/**
 * An entry in the stream of a run: some frames, or the end. Its id is `EPOCH-COUNT`. COUNT is how
 * many frames the run has after this entry, so Redis refuses an entry that it already has. The
 * process that makes a run writes in epoch 1. Epoch 2 is for the process that finds it dead.
 */
export interface Entry {
  readonly epoch: number
  readonly count: number
  /** The number of the first frame. */
  readonly first: number
  /** The number of the oldest frame that the log still had when this entry was added. */
  readonly oldest: number
  /** The frames with their ids, joined. Empty for an end without frames. */
  readonly frames: string
  readonly isEnd: boolean
}

/** The id of an end without frames. Its count is the largest one that Redis accepts. */
export const endId = '1-18446744073709551615'

/** Returns the arguments of XADD from the id on. */
export function toXadd({ epoch, count, first, oldest, frames, isEnd }: Entry): string[] {
  const id = frames === '' ? endId : `${epoch}-${count}`
  return [id, 'n', `${first}`, 'o', `${oldest}`, 'f', frames, ...(isEnd ? ['e', '1'] : [])]
}

/**
 * Whether Redis says that something that is not ours has one of our names. Redis 6.2 says first in
 * which script.
 */
export function isForeign(error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE')
}

/**
 * Parses the reply of XRANGE and XREVRANGE.
 * @throws Error if an entry is not ours. `isForeign` is true for it.
 */
export function parseEntries(reply: Reply): Entry[] {
  return (reply as readonly [id: string, fields: readonly string[]][]).map(([id, fields]) => {
    const [epoch, count] = id.split('-')
    if (fields[0] !== 'n') throw new Error('WRONGTYPE An entry of a log has other fields')
    const of = (name: string) => fields[fields.indexOf(name) + 1]!
    const frames = of('f')
    const first = Number(of('n'))
    return {
      epoch: Number(epoch),
      count: frames === '' ? first : Number(count),
      first,
      oldest: Number(of('o')),
      frames,
      isEnd: fields.includes('e'),
    }
  })
}

/** Returns the range of XRANGE that has the frames behind the frame `after`. */
export function toRange(after: number): [from: string, to: string] {
  return [`(1-${after + 1}`, '+']
}

/** Returns what a reader at the frame `after` gets from the entries that follow. */
export function toPart(run: string, after: number, entries: readonly Entry[]): Part {
  let last = after
  let text = ''
  for (const { epoch, first, count, oldest, frames, isEnd } of entries) {
    const next = last + 1
    // A reader can have more than the log if the process died before it had stored everything.
    if (epoch > 1 && next > first) return found() ?? 'lost'
    if (next > first && frames === '') return found() ?? 'beyond'
    // If only the end is left, the frames in front of it were erased.
    if (next < first) return found() ?? (next < oldest || frames === '' ? 'dropped' : 'lost')
    text += frames.slice(toStart(run, first, next, frames))
    last = count - 1
    if (isEnd) return { frames: text, last, isEnd: true }
  }
  return { frames: text, last, isEnd: false }

  function found(): Part | undefined {
    return text === '' ? undefined : { frames: text, last, isEnd: false }
  }
}

/** Returns where the frame `next` begins in frames whose first one has the number `first`. */
function toStart(run: string, first: number, next: number, frames: string): number {
  if (next === first) return 0
  // An event ends with its id and a blank line. No text can imitate that, because a line of data
  // begins with the name of its field.
  const ending = `\nid: ${run}.${next - 1}\n\n`
  return frames.indexOf(ending) + ending.length
}

/** Returns the newest frame of a log, from its newest entries, the newest first. */
export function toNewest(run: string, entries: readonly Entry[]): string | undefined {
  const entry = entries.find(({ frames }) => frames !== '')
  return entry && entry.frames.slice(toStart(run, entry.first, entry.count - 1, entry.frames))
}
