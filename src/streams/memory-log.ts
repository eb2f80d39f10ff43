import { toRandomHex } from '../hex.ts'
import { createNumberer, type Added, type Part, type RunLog, type RunLogs } from './run-log.ts'

export interface MemoryLogsOptions {
  /** How many bytes the frames of one run may take. */
  runBytes: number
  /** How many bytes the frames of all runs may take. */
  totalBytes: number
  /** Returns the id of a new log. By default, it consists of 128 random bits. */
  createId?: () => string
}

/** A page has at most this many UTF-16 units. A longer frame has a page of its own. */
const pageLength = 4096
/**
 * What a log and its run take besides the frames, in bytes. It counts, because otherwise any number
 * of short answers could be kept.
 */
const overheadBytes = 4096

/**
 * Some frames of a run, in UTF-8. Bytes take less memory than strings, and the garbage collector
 * does not have to look at each frame. One call encodes many frames, because each call costs as
 * much as a kilobyte of text.
 */
interface Page {
  /** The number of the first frame. */
  readonly first: number
  readonly bytes: Uint8Array
  /** The length of each frame, in UTF-16 units. */
  readonly lengths: readonly number[]
}

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { ignoreBOM: true })

/** Keeps logs in the memory of this process. */
export function createMemoryLogs({ runBytes, totalBytes, createId = () => toRandomHex(16) }: MemoryLogsOptions): RunLogs {
  /** The logs that can give up a page, the oldest first. */
  const logs = new Set<{ dropPage(): boolean }>()
  let total = 0

  function grow(bytes: number) {
    total += bytes
    if (total <= totalBytes) return
    for (const log of logs) while (log.dropPage()) if (total <= totalBytes) return
  }

  function create(onEmpty = () => {}): RunLog {
    const id = createId()
    const toNumbered = createNumberer(id)
    const listeners = new Set<(added?: Added) => void>()
    const pages: Page[] = []
    /** The newest frames of an open log. They are not in a page yet, and count for no bound. */
    let newest: string[] = []
    let newestLength = 0
    let length = 0
    let size = 0
    let isClosed = false
    let isErased = false

    function turnPage() {
      if (newest.length === 0) return
      const bytes = utf8.encode(newest.join(''))
      pages.push({ first: length - newest.length, bytes, lengths: newest.map((frame) => frame.length) })
      newest = []
      newestLength = 0
      size += bytes.byteLength
      while (size > runBytes && pages.length > 1) dropOldest()
      grow(bytes.byteLength)
    }
    function dropOldest() {
      const bytes = pages.shift()!.bytes.byteLength
      size -= bytes
      total -= bytes
    }
    /** Returns frames with their ids. The first of them has the number `first`. */
    function number(frames: readonly string[], first: number): string {
      return frames.map((frame, i) => toNumbered(first + i, frame)).join('')
    }
    /** Returns the frames of a page from the frame `next` on. */
    function readPage({ first, bytes, lengths }: Page, next: number): string {
      const frames = text.decode(bytes)
      let end = 0
      const each = lengths.map((units) => frames.slice(end, (end += units)))
      return number(each.slice(next - first), next)
    }
    function toPart(frames: string, last: number): Part {
      return { frames, last, isEnd: isClosed && last === length - 1 }
    }
    function ring(added?: Added) {
      for (const listener of listeners) listener(added)
    }

    const log = {
      dropPage() {
        if (pages.length > 0) {
          dropOldest()
          return true
        }
        if (!isClosed || !forget()) return false
        onEmpty()
        return true
      },
    }
    function forget(): boolean {
      const isKnown = logs.delete(log)
      if (isKnown) total -= overheadBytes
      return isKnown
    }
    logs.add(log)
    grow(overheadBytes)

    return {
      id,
      append(frames) {
        const after = length - 1
        let numbered = ''
        for (const frame of frames) {
          numbered += toNumbered(length, frame)
          if (newestLength + frame.length > pageLength) turnPage()
          newest.push(frame)
          newestLength += frame.length
          length++
        }
        ring({ after, frames: numbered, last: length - 1 })
      },
      close() {
        turnPage()
        isClosed = true
        ring()
      },
      isEmpty: () => length === 0,
      oldest: () => pages[0]?.first ?? length - newest.length,
      newest() {
        const frame = newest.at(-1)
        if (frame !== undefined) return number([frame], length - 1)
        const page = pages.at(-1)
        return page && readPage(page, length - 1)
      },
      read(after) {
        const next = after + 1
        const isWaiting = next >= length && !isClosed && !isErased
        if (isWaiting || (next === length && isClosed)) return toPart('', after)
        if (next > length) return 'beyond'
        const first = length - newest.length
        if (next >= first && next < length) return toPart(number(newest.slice(next - first), next), length - 1)
        const page = pages.findLast((one) => one.first <= next)
        return page ? toPart(readPage(page, next), page.first + page.lengths.length - 1) : 'dropped'
      },
      onMore(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      erase() {
        while (pages.length > 0) dropOldest()
        newest = []
        forget()
        isErased = true
        ring()
      },
    }
  }

  return { create }
}
