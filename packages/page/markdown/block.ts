import type { Links, Token } from 'marked'

export interface MarkdownOptions {
  /** Makes what stands in a code block's head: language name and copy button. */
  codeHeader?: (code: { language: string; text: () => string }) => Node
  /** The label of what an image became: `Image: alt (host)`. The host is empty if there is none to open. */
  imageLabel?: (alt: string, host: string) => string
  /** The name of the region that a table scrolls in: `Table`. */
  tableLabel?: () => string
}

/** What every block of one text is made with. */
export interface Context {
  readonly options: MarkdownOptions
  /** Definitions of references so far: `[name]: https://…`. */
  links: Links
  /** Changes with `links`. */
  linksKey: string
  readonly showBlocks: ShowBlocks
}

/**
 * Makes the blocks of an element, from the one at `base`, what the tokens say. Those that are the same are not touched. If `isOpen`, more may
 * come to the last one.
 */
export type ShowBlocks = (
  element: HTMLElement,
  kept: KeptBlock[],
  base: number,
  tokens: readonly Token[],
  context: Context,
  isOpen: boolean,
) => void

/** One block in the page. */
export interface Block {
  readonly node: HTMLElement
  /** Shows what the block is now, if it can become that; false: it must be made anew. */
  update(token: Token, isOpen: boolean): boolean
}

/** A block, and what it was made from. */
export interface KeptBlock {
  readonly type: string
  readonly block: Block
  raw: string
  isOpen: boolean
  linksKey: string
}
