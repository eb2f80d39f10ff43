/** The maximum length of the header, because proxies reject a response with large headers. */
const maxLength = 1024
/** The space that is reserved for the counts of unlisted paths and of unknown fields. */
const countsLength = ', +1234567890 more, +1234567890 unknown'.length

/**
 * The parts of a request that Ollama cannot honour, or can honour only partly. They are listed in
 * the response header `x-sluice-ignored` (docs/compatibility.md).
 */
export interface Ignored {
  /**
   * @param path the path of the part, such as `tools.4`. It may contain only known field names and
   * indices. It must not contain text from the request, because the path is sent in a header and
   * written to the log.
   */
  add(path: string): void
  /** Counts unknown fields. They are not listed, because their names are text from the request. */
  addUnknown(count: number): void
  /** Returns the value of the header, or undefined if nothing was ignored. */
  toHeader(): string | undefined
}

/**
 * Stores only as many paths as fit into the header, and counts the other paths. A request may have
 * a million ignored parts, and all their paths would use too much memory.
 */
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
