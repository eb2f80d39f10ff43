import type { Links } from 'marked'
import type { MarkdownOptions } from './markdown.ts'

/** What every block of one text is made with. */
export interface Context {
  readonly options: MarkdownOptions
  /** Definitions of references so far: `[name]: https://…`. */
  links: Links
  /** Changes with `links`. */
  linksKey: string
}
