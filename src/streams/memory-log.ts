import type { Part, RunLog, RunLogs } from './run-log.ts'

export interface MemoryLogsOptions {
  /** How many bytes the frames of one run may take. */
  runBytes: number
  /** How many bytes the frames of all runs may take. */
  totalBytes: number
}

/** The size of a page in bytes. A longer frame has a page of its own. */
const pageBytes = 16_384

/**
 * Some frames of a run, in UTF-8. Bytes take less memory than strings, and the garbage collector
 * does not have to look at each frame.
 */
interface Page {
  /** The number of the first frame. */
  readonly first: number
  bytes: Uint8Array<ArrayBuffer>
  /** Where each frame ends in `bytes`. */
  readonly ends: number[]
}

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8', { ignoreBOM: true })

/** Keeps logs in the memory of this process. */
export function createMemoryLogs({ runBytes, totalBytes }: MemoryLogsOptions): RunLogs {
  /** The logs that can give up a page, the oldest first. */
  const logs = new Set<{ dropPage(): boolean }>()
  let total = 0

  function resize(bytes: number) {
    total += bytes
    if (total <= totalBytes) return
    for (const log of logs) while (log.dropPage()) if (total <= totalBytes) return
  }

  function create(): RunLog {
    const listeners = new Set<() => void>()
    let pages: Page[] = []
    let length = 0
    let size = 0
    let isClosed = false
    let isErased = false
    /** What `append` is adding. Readers who have all earlier frames need not decode it again. */
    let newest: { readonly after: number; readonly frames: string } | undefined

    const endOf = ({ ends }: Page) => ends.at(-1) ?? 0

    function addPage(bytes: number): Page {
      const page = { first: length, bytes: new Uint8Array(bytes), ends: [] }
      pages.push(page)
      size += bytes
      while (size > runBytes && pages.length > 1) dropOldest()
      resize(bytes)
      return page
    }
    function dropOldest() {
      const bytes = pages.shift()!.bytes.byteLength
      size -= bytes
      total -= bytes
    }
    function add(frame: string) {
      let page = pages.at(-1)
      let from = page ? endOf(page) : 0
      if (page) {
        const { read, written } = utf8.encodeInto(frame, page.bytes.subarray(from))
        if (read === frame.length) return void (page.ends.push(from + written), length++)
      }
      const bytes = utf8.encode(frame)
      page = addPage(Math.max(pageBytes, bytes.byteLength))
      from = 0
      page.bytes.set(bytes)
      page.ends.push(bytes.byteLength)
      length++
    }
    function ring() {
      for (const listener of listeners) listener()
    }
    function toPart(frames: string, last: number): Part {
      return { frames, last, isEnd: isClosed && last === length - 1 }
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
      id: createId(),
      append(frames) {
        const after = length - 1
        for (const frame of frames) add(frame)
        newest = { after, frames: frames.length === 1 ? frames[0]! : frames.join('') }
        ring()
        newest = undefined
      },
      close() {
        isClosed = true
        const page = pages.at(-1)
        if (page) {
          const unused = page.bytes.byteLength - endOf(page)
          page.bytes = page.bytes.slice(0, endOf(page))
          size -= unused
          total -= unused
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
        if (!page) return 'dropped'
        const from = next === page.first ? 0 : page.ends[next - page.first - 1]!
        return toPart(text.decode(page.bytes.subarray(from, endOf(page))), page.first + page.ends.length - 1)
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
