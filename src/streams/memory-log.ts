import { toNumbered, type Part, type RunLog, type RunLogs } from './run-log.ts'

export interface MemoryLogsOptions {
  /** How many bytes the frames of one run may take. */
  runBytes: number
  /** How many bytes the frames of all runs may take. */
  totalBytes: number
}

/** The size of a page in bytes. A longer frame has a page of its own. */
const pageBytes = 4096
/** The bytes of a frame follow their number, which takes this many bytes. */
const prefixBytes = 4

/**
 * Some frames of a run, in UTF-8. Bytes take less memory than strings, and the garbage collector
 * does not have to look at each frame.
 */
interface Page {
  /** The number of the first frame. */
  readonly first: number
  readonly bytes: Uint8Array
  /** How many frames the page has, and how many bytes they take with their prefixes. */
  count: number
  used: number
}

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { ignoreBOM: true })

/** Keeps logs in the memory of this process. */
export function createMemoryLogs({ runBytes, totalBytes }: MemoryLogsOptions): RunLogs {
  /** The logs that can give up a page, the oldest first. */
  const logs = new Set<{ dropPage(): boolean }>()
  let total = 0

  function grow(bytes: number) {
    total += bytes
    if (total <= totalBytes) return
    for (const log of logs) while (log.dropPage()) if (total <= totalBytes) return
  }

  function create(): RunLog {
    const id = createId()
    const listeners = new Set<() => void>()
    const pages: Page[] = []
    let length = 0
    let size = 0
    let isClosed = false
    let isErased = false
    /** What `append` is adding. Readers who have all earlier frames need not decode it again. */
    let newest: { readonly after: number; readonly frames: string } | undefined

    function addPage(bytes: number): Page {
      const page = { first: length, bytes: new Uint8Array(bytes), count: 0, used: 0 }
      pages.push(page)
      size += bytes
      while (size > runBytes && pages.length > 1) dropOldest()
      grow(bytes)
      return page
    }
    function dropOldest() {
      const bytes = pages.shift()!.bytes.byteLength
      size -= bytes
      total -= bytes
    }
    /** Returns whether the frame had room in the page. */
    function write(frame: string, page: Page | undefined): boolean {
      if (!page || page.bytes.byteLength - page.used < prefixBytes + frame.length) return false
      const { bytes, used } = page
      const { read, written } = utf8.encodeInto(frame, bytes.subarray(used + prefixBytes))
      if (read < frame.length) return false
      for (let i = 0; i < prefixBytes; i++) bytes[used + i] = written >>> (8 * i)
      page.used += prefixBytes + written
      page.count++
      length++
      return true
    }
    function add(frame: string) {
      // One UTF-16 unit is at most three bytes.
      if (!write(frame, pages.at(-1))) write(frame, addPage(Math.max(pageBytes, prefixBytes + 3 * frame.length)))
    }
    /** Returns the frames of a page from the frame `from` on. */
    function readPage({ first, bytes, used }: Page, from: number): string {
      let frames = ''
      for (let at = 0, number = first; at < used; number++) {
        let taken = 0
        for (let i = 0; i < prefixBytes; i++) taken |= bytes[at + i]! << (8 * i)
        at += prefixBytes
        if (number >= from) frames += toNumbered(id, number, text.decode(bytes.subarray(at, at + taken)))
        at += taken
      }
      return frames
    }
    function toPart(frames: string, last: number): Part {
      return { frames, last, isEnd: isClosed && last === length - 1 }
    }
    function ring() {
      for (const listener of listeners) listener()
    }

    const log = {
      dropPage() {
        // The newest page of an open run stays, because its readers wait for it.
        if (pages.length > (isClosed ? 0 : 1)) {
          dropOldest()
          return true
        }
        if (isClosed) logs.delete(log)
        return false
      },
    }
    logs.add(log)

    return {
      id,
      append(frames) {
        const after = length - 1
        let numbered = ''
        for (const frame of frames) {
          numbered += toNumbered(id, length, frame)
          add(frame)
        }
        newest = { after, frames: numbered }
        ring()
        newest = undefined
      },
      close() {
        isClosed = true
        const last = pages.pop()
        if (last) {
          pages.push({ ...last, bytes: last.bytes.slice(0, last.used) })
          size -= last.bytes.byteLength - last.used
          total -= last.bytes.byteLength - last.used
        }
        ring()
      },
      read(after) {
        if (newest?.after === after) return toPart(newest.frames, length - 1)
        const next = after + 1
        const isWaiting = next >= length && !isClosed && !isErased
        if (isWaiting || (next === length && isClosed)) return toPart('', after)
        if (next > length) return 'beyond'
        const page = pages.findLast(({ first }) => first <= next)
        return page ? toPart(readPage(page, next), page.first + page.count - 1) : 'dropped'
      },
      onMore(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      erase() {
        while (pages.length > 0) dropOldest()
        logs.delete(log)
        isErased = true
        ring()
      },
    }
  }

  return { create }
}

/** Returns 128 random bits as hex digits. */
function createId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
