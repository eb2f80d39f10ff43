/** A longer header is cut, because proxies refuse a response whose headers are large. */
const maxLength = 1024
/** Room for both counts, each up to ten digits. */
const countsLength = ', +1234567890 more, +1234567890 unknown'.length

/**
 * The parts of a request that were left out or weakened, because Ollama cannot honour them. A
 * reader finds them in `x-sluice-ignored` (docs/compatibility.md).
 */
export interface Ignored {
  /**
   * @param path of the part, such as `tools.4`. It is made of the names of our own tables and of
   * indices. It never holds the request's text, because it becomes a header and a line of the log.
   */
  add(path: string): void
  /** Counts fields that the dialect does not know. Their names are the request's text. */
  addUnknown(count: number): void
  /** The header's value; undefined if everything is honoured. */
  toHeader(): string | undefined
}

/** Keeps only the paths that the header has room for. A request may have a million such parts. */
export function createIgnored(): Ignored {
  const paths = new Set<string>()
  let room = maxLength - countsLength
  let more = 0
  let unknown = 0
  return {
    add(path) {
      if (paths.has(path)) return
      room -= path.length + ', '.length
      if (room >= 0) paths.add(path)
      else more++
    },
    addUnknown(count) {
      unknown += count
    },
    toHeader() {
      const counts = [...(more > 0 ? [`+${more} more`] : []), ...(unknown > 0 ? [`+${unknown} unknown`] : [])]
      return [...paths, ...counts].join(', ') || undefined
    },
  }
}
