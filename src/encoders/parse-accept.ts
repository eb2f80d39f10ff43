import { splitList } from './split-list.ts'

/** An entry of a header such as `Accept`. */
export interface Accepted {
  /** In lower case. */
  readonly name: string
  /** From 0 to 1 (RFC 9110 §12.4.2). A quality that is no number counts as 1. */
  readonly quality: number
}

/** Parses a header such as `Accept` or `Accept-Encoding`. The best quality comes first. */
export function parseAccept(header = ''): readonly Accepted[] {
  return splitList(header.toLowerCase())
    .map((entry) => {
      const [name = '', ...parameters] = entry.split(';').map((part) => part.trim())
      const quality = Number(parameters.map((parameter) => /^q\s*=(.+)/.exec(parameter)?.[1]).findLast(Boolean) ?? 1)
      return { name, quality: Number.isNaN(quality) ? 1 : Math.min(Math.max(quality, 0), 1) }
    })
    .toSorted((a, b) => b.quality - a.quality)
}
