import type { Links, Token } from 'marked'

export interface MarkdownOptions {
  /** Makes the header of a code block: the language's name and a copy button. */
  codeHeader?: (code: { language: string; text: () => string }) => Node
  /**
   * Returns the label that is shown instead of an image: `Image: …`. The description is `alt
   * (host)`, or only one of the two if the other is missing.
   */
  imageLabel?: (description: string) => string
  /** Returns the name of the region in which a table scrolls: `Table`. */
  tableLabel?: () => string
}

/** The state that all blocks of one text share. Only createMarkdown() changes it. */
export interface Context {
  readonly options: MarkdownOptions
  /** The definitions of references so far: `[name]: https://…`. */
  readonly links: Links
  /** A key that changes whenever `links` changes. */
  readonly linksKey: string
  /**
   * createBlocks(), for the items of lists. It is passed as a value, because importing it would
   * make the imports circular.
   */
  readonly createBlocks: (element: HTMLElement, context: Context) => Blocks
}

/** The blocks in one element. The element contains the whole text, a quote or an item of a list. */
export interface Blocks {
  /**
   * Makes the element's blocks match the tokens. Unchanged blocks are not touched. `isOpen` says
   * whether the last block may still grow. `settled` says how many blocks of the element come
   * before the blocks of the tokens.
   */
  show(tokens: readonly Token[], isOpen: boolean, settled?: SettledBlocks): void
}

/**
 * How many blocks and list items come before the tokens that are passed to `show`. These blocks and
 * items do not change any more.
 */
export interface SettledBlocks {
  readonly blocks: number
  /**
   * If the first token is the rest of a list, `items` is the number of items that come before this
   * rest. Otherwise it is 0.
   */
  readonly items: number
}

/** One block in the page. */
export interface Block {
  readonly node: HTMLElement
  /**
   * Shows the token in this block. Returns false if this block cannot show the token. The caller
   * must then make a new block. If the token is the rest of a list, `settledItems` is the number of
   * items that come before this rest. Otherwise it is 0.
   */
  update(token: Token, isOpen: boolean, settledItems: number): boolean
}

/** Whether a token becomes a block in the page. */
export function isVisible({ type }: Token): boolean {
  return type !== 'space' && type !== 'def' && type !== 'checkbox'
}

/**
 * Returns a key that changes when the links in a text may change. A text with a `[` may contain
 * references, so its key depends on their definitions.
 */
export function toLinksKey(text: string, { linksKey }: Context): string {
  return text.includes('[') ? linksKey : ''
}
