/** Longer headers are cut, because proxies refuse a response whose headers are large. */
const maxLength = 1024

/**
 * What of a request was left out or weakened, because Ollama cannot honour it. A reader learns it
 * from `x-sluice-ignored` (docs/compatibility.md).
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

export function createIgnored(): Ignored {
  const paths = new Set<string>()
  let unknown = 0
  return {
    add(path) {
      paths.add(path)
    },
    addUnknown(count) {
      unknown += count
    },
    toHeader() {
      const tail = unknown > 0 ? [`+${unknown} unknown`] : []
      return paths.size + unknown > 0 ? toList([...paths], tail) : undefined
    },
  }
}

/** As many paths as there is room for. The others are counted. */
function toList(paths: readonly string[], tail: readonly string[]): string {
  const room = maxLength - ', +1000000 more'.length - tail.join('').length - 2
  let length = 0
  const fitting = paths.filter((path) => (length += path.length + 2) <= room)
  const more = paths.length - fitting.length
  return [...fitting, ...(more > 0 ? [`+${more} more`] : []), ...tail].join(', ')
}
