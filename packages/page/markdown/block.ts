import type { Links, Token } from 'marked'

export interface MarkdownOptions {
  /** Makes the head of a code block: the language's name and a copy button. */
  codeHeader?: (code: { language: string; text: () => string }) => Node
  /**
   * The label in the place of an image: `Image: …`. The description is `alt (host)`, or only one of
   * the two if the other is missing.
   */
  imageLabel?: (description: string) => string
  /** The name of the region that a table scrolls in: `Table`. */
  tableLabel?: () => string
}

/** What all blocks of one text share. Only createMarkdown() changes it. */
export interface Context {
  readonly options: MarkdownOptions
  /** The definitions of references so far: `[name]: https://…`. */
  readonly links: Links
  /** Another key whenever `links` has changed. */
  readonly linksKey: string
  /**
   * createBlocks(), for the items of lists. It is passed as a value, because an import would close
   * a circle of imports.
   */
  readonly createBlocks: (element: HTMLElement, context: Context) => Blocks
}

/**
 * The blocks in one element. The element is that of the whole text, a quote or an item of a list.
 */
export interface Blocks {
  /**
   * Makes the element's blocks match the tokens. A block that stays the same is not touched.
   * `isOpen` says that the last block may still grow. `settled` says how many blocks come before
   * the tokens.
   */
  show(tokens: readonly Token[], isOpen: boolean, settled?: SettledBlocks): void
}

/** The blocks before the tokens. They stay as they are. */
export interface SettledBlocks {
  readonly blocks: number
  /** If the first token is the rest of a list, the number of that list's items before it. */
  readonly items: number
}

/** One block in the page. */
export interface Block {
  readonly node: HTMLElement
  /**
   * Shows the token in this block. Returns false if that is impossible, and a new block must be
   * made. A token that is the rest of a list begins after `settledItems` items.
   */
  update(token: Token, isOpen: boolean, settledItems: number): boolean
}

/** Whether a token becomes a block in the page. */
export function isVisible({ type }: Token): boolean {
  return type !== 'space' && type !== 'def' && type !== 'checkbox'
}

/**
 * The key of a text for its references. A text with a `[` depends on their definitions, so its
 * key changes with them.
 */
export function toLinksKey(text: string, { linksKey }: Context): string {
  return text.includes('[') ? linksKey : ''
}
