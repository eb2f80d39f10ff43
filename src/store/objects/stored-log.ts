import { createNumberer, type Part, type RunLog } from '../../streams/run-log.ts'
import { ignore, unconfirmed, type ObjectStorage } from './storage.ts'

/** The frames of one page are at most this long together, in UTF-16 units. */
const pageLength = 8192
/** A longer frame takes several values, because a value has at most 2 MB. */
const partLength = 500_000
/** Short pages are read together. */
const pagesAtOnce = 16
const prefix = 'frame:'

/**
 * Some frames in one value of the storage. If a frame is too long for one value, each of its values
 * has one piece of it.
 */
interface Page {
  readonly texts: readonly string[]
  /** How many values the page has. */
  readonly parts: number
}

export interface StoredLogOptions {
  id: string
  storage: ObjectStorage
  /** About how many bytes the frames may take. */
  runBytes: number
  /** Which frames the storage has. By default, it has had none. */
  stored?: StoredFrames
  isClosed?: boolean
}

export interface StoredFrames {
  /** The number of the oldest frame, or of the next one if there is none. */
  readonly oldest: number
  /** How many frames the storage has had. */
  readonly length: number
}

/**
 * A log in the storage of a Durable Object. Each call of `append` writes one value, if its frames
 * are not long.
 */
export function createStoredLog(options: StoredLogOptions): RunLog {
  const { id, storage, runBytes } = options
  const toNumbered = createNumberer(id)
  const listeners = new Set<() => void>()
  /** The pages that this log has written, the oldest first. */
  const pages: { readonly first: number; readonly keys: string[]; readonly bytes: number }[] = []
  let { oldest, length } = options.stored ?? { oldest: 0, length: 0 }
  let { isClosed = false } = options
  let isErased = false
  let size = 0

  function ring() {
    for (const listener of listeners) listener()
  }
  function writePage(first: number, texts: readonly string[]) {
    const text = texts.join('')
    // V8 stores a string with one or two bytes for each unit.
    const bytes = /^[\0-\xff]*$/.test(text) ? text.length : 2 * text.length
    const pieces = texts.length > 1 || text.length <= partLength ? [texts] : toPieces(text).map((piece) => [piece])
    const keys = pieces.map((_, part) => toKey(first, part))
    for (const [part, texts] of pieces.entries())
      storage.put(keys[part]!, { texts, parts: pieces.length } satisfies Page, unconfirmed).catch(ignore)
    pages.push({ first, keys, bytes })
    size += bytes
    while (size > runBytes && pages.length > 1) {
      const page = pages.shift()!
      size -= page.bytes
      oldest = pages[0]!.first
      // One call deletes at most 128 keys.
      for (let from = 0; from < page.keys.length; from += 128)
        storage.delete(page.keys.slice(from, from + 128), unconfirmed).catch(ignore)
    }
  }
  /**
   * Returns some frames. One of them is the frame `next`, and as many follow as a page can have.
   */
  async function find(next: number): Promise<{ first: number; texts: readonly string[] } | undefined> {
    const [start] = (await storage.list<Page>({ prefix, end: toKey(next + 1, 0), reverse: true, limit: 1 })).keys()
    if (start === undefined) return undefined
    const first = toNumber(start)
    const found = await storage.list<Page>({ prefix, start: toKey(first, 0), limit: pagesAtOnce })
    const texts: string[] = []
    let units = 0
    for (const { texts: more, parts } of found.values()) {
      if (parts > 1) break
      for (const { length } of more) units += length
      if (texts.length > 0 && units > pageLength) break
      texts.push(...more)
    }
    if (texts.length > 0) return next < first + texts.length ? { first, texts } : undefined
    if (next !== first) return undefined
    const pieces = await storage.list<Page>({ prefix: start.slice(0, start.indexOf('.') + 1) })
    return { first, texts: [Array.from(pieces.values(), ({ texts: [piece] }) => piece).join('')] }
  }
  function number(texts: readonly string[], first: number): string {
    return texts.map((frame, i) => toNumbered(first + i, frame)).join('')
  }
  const toPart = (frames: string, last: number): Part => ({ frames, last, isEnd: isClosed && last === length - 1 })

  return {
    id,
    append(frames) {
      let page: string[] = []
      let pageUnits = 0
      let first = length
      const turn = () => {
        if (page.length > 0) writePage(first, page)
        page = []
        pageUnits = 0
        first = length
      }
      for (const frame of frames) {
        if (pageUnits + frame.length > pageLength) turn()
        page.push(frame)
        pageUnits += frame.length
        length++
      }
      turn()
      ring()
    },
    close() {
      isClosed = true
      ring()
    },
    isEmpty: () => length === 0,
    oldest: () => (isErased ? length : oldest),
    async newest() {
      const page = isErased ? undefined : await find(length - 1).catch(() => undefined)
      const frame = page?.texts.at(-1)
      return frame === undefined ? undefined : toNumbered(length - 1, frame)
    },
    async read(after) {
      const next = after + 1
      const isWaiting = next >= length && !isClosed && !isErased
      if (isWaiting || (next === length && isClosed)) return toPart('', after)
      if (next > length) return 'beyond'
      const page = isErased ? undefined : await find(next).catch(() => undefined)
      if (!page) return 'dropped'
      const { first, texts } = page
      return toPart(number(texts.slice(next - first), next), first + texts.length - 1)
    },
    onMore(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    erase() {
      isErased = true
      storage.deleteAll().catch(ignore)
      ring()
    },
  }
}

/** Finds out which frames the storage has. */
export async function findStoredFrames(storage: ObjectStorage): Promise<StoredFrames> {
  const [last] = await storage.list<Page>({ prefix, reverse: true, limit: 1 })
  const [first] = (await storage.list<Page>({ prefix, limit: 1 })).keys()
  if (!last || first === undefined) return { oldest: 0, length: 0 }
  const [key, { texts, parts }] = last
  return { oldest: toNumber(first), length: toNumber(key) + (parts === 1 ? texts.length : 1) }
}

function toPieces(text: string): string[] {
  const pieces: string[] = []
  for (let from = 0; from < text.length; from += partLength) pieces.push(text.slice(from, from + partLength))
  return pieces
}

/** The keys of a log have the order of its frames. */
function toKey(first: number, part: number): string {
  return `${prefix}${String(first).padStart(15, '0')}.${String(part).padStart(4, '0')}`
}

function toNumber(key: string): number {
  return Number(key.slice(prefix.length, key.indexOf('.')))
}
