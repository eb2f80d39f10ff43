import type { Links, Token } from 'marked'

export interface MarkdownOptions {
  /** Makes what stands in a code block's head: language name and copy button. */
  codeHeader?: (code: { language: string; text: () => string }) => Node
  /**
   * The label of what an image became: `Image: …`. The description is `alt (host)`, or what there
   * is of the two.
   */
  imageLabel?: (description: string) => string
  /** The name of the region that a table scrolls in: `Table`. */
  tableLabel?: () => string
}

/** What every block of one text is made with. Only createMarkdown() changes it. */
export interface Context {
  readonly options: MarkdownOptions
  /** Definitions of references so far: `[name]: https://…`. */
  readonly links: Links
  /** Changes with `links`. */
  readonly linksKey: string
  /** createBlocks(), which quotes and items call: an import of it would be a circle. */
  readonly createBlocks: (element: HTMLElement, context: Context) => Blocks
}

/** The blocks in an element: in the whole text's, in a quote or in an item of a list. */
export interface Blocks {
  /**
   * Makes the element's blocks what the tokens say. A block that stays the same is not touched.
   * `isOpen`: more may come to the last one. `settled`: how many blocks there are before the
   * tokens.
   */
  show(tokens: readonly Token[], isOpen: boolean, settled?: SettledBlocks): void
}

/** What is before the tokens in the page, and stays as it is. */
export interface SettledBlocks {
  readonly blocks: number
  /** If the first token is the rest of a list: how many of that list's items are before it. */
  readonly items: number
}

/** One block in the page. */
export interface Block {
  readonly node: HTMLElement
  /**
   * Shows what the block is now, if it can become that; false: it must be made anew. A token that
   * is the rest of a list begins behind `settledItems` items.
   */
  update(token: Token, isOpen: boolean, settledItems: number): boolean
}

/** Whether a token is a block in the page. */
export function isVisible({ type }: Token): boolean {
  return type !== 'space' && type !== 'def' && type !== 'checkbox'
}

/** What a text depends on beside itself: with a `[` in it, on the definitions of references. */
export function toLinksKey(text: string, { linksKey }: Context): string {
  return text.includes('[') ? linksKey : ''
}
