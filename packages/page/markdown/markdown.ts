import type { Links, Token, Tokens } from 'marked'
import { isVisible } from './block.ts'
import type { MarkdownOptions, SettledBlocks } from './block.ts'
import { createBlocks } from './blocks.ts'
import { isInFence, toShownLength } from './half-open.ts'
import { lexBlocks } from './lexer.ts'
import { whenIdle } from './when-idle.ts'

export type { MarkdownOptions } from './block.ts'

export interface Markdown {
  /**
   * Shows the text so far. `isDone` is whether the text is complete. In a complete text, marks that
   * are not closed are shown as text. The call is synchronous and cheap, because only open blocks
   * are made again.
   */
  update(text: string, isDone: boolean): void
}

/**
 * How much of the text is settled. The text before `offset` is neither lexed nor shown again until
 * the whole text is complete.
 */
interface Settled extends SettledBlocks {
  /** Where the rest of the text starts: at a block or at an item of a list. */
  readonly offset: number
}

const nothing: Settled = { offset: 0, blocks: 0, items: 0 }

/**
 * Shows growing Markdown in an element. While the text grows, only the blocks at its end are lexed.
 * The blocks before them are settled as soon as a block with a complete first line follows. When
 * the text is complete, all of it is lexed once more, and blocks that differ are made again. For
 * example, a block differs if it uses a reference that is defined below it. So the result is the
 * same as if the whole text had come at once. README.md has a diagram of this.
 */
export function createMarkdown(root: HTMLElement, options: MarkdownOptions = {}): Markdown {
  let settled = nothing
  /** The references that the settled text defines. */
  let settledLinks: Links = Object.create(null)
  let last = ''
  const context = { options, links: settledLinks, linksKey: '', createBlocks }
  const blocks = createBlocks(root, context)

  function reset() {
    settled = nothing
    settledLinks = Object.create(null)
  }

  /** Returns the tokens of the text that is not settled. */
  function lex(text: string): Token[] {
    const links: Links = Object.assign(Object.create(null), settledLinks)
    const tokens = lexBlocks(text.slice(settled.offset), links)
    context.links = links
    context.linksKey = JSON.stringify(links)
    return tokens
  }

  /**
   * Finds the last token whose first line is complete, and settles the text before this token.
   * Later text cannot change the settled text.
   */
  function settle(text: string, tokens: readonly Token[]) {
    const starts = toStarts(tokens, settled.offset)
    const open = tokens.findLastIndex(({ type }, index) => type !== 'space' && isLineWhole(text, starts[index]))
    const token = tokens[open]
    // At the end of a list, the white space in `raw` may differ from the white space in the text.
    // Then the starts of the tokens are wrong, so nothing is settled.
    if (!token || tokens.some(({ raw }, index) => !text.startsWith(raw, starts[index]))) return
    const start = starts[open]!
    if (open > 0) {
      addLinks(text.slice(settled.offset, start))
      const visible = tokens.slice(0, open).filter(isVisible)
      settled = { offset: start, blocks: settled.blocks + visible.length, items: 0 }
    }
    if (token.type === 'list') settleItems(text, token as Tokens.List, start)
  }

  /** Settles items in the same way, if the unsettled text starts with a list. */
  function settleItems(text: string, list: Tokens.List, start: number) {
    const starts = toStarts(list.items, start)
    const open = starts.findLastIndex((start) => isLineWhole(text, start))
    if (open < 1) return
    addLinks(text.slice(start, starts[open]))
    settled = { offset: starts[open]!, blocks: settled.blocks, items: settled.items + open }
  }

  /**
   * Adds the references that settled text defines. The references in the rest of the text may still
   * change.
   */
  function addLinks(text: string) {
    if (text.includes(']:')) lexBlocks(text, settledLinks)
  }

  return {
    update(whole, isDone) {
      const text = (isDone ? whole : whole.replace(/\r$/, '')).replace(/\r\n?/g, '\n')
      if (isDone || !text.startsWith(last)) reset()
      last = text
      const shown = isDone ? text : text.slice(0, toShownLength(text))
      let tokens = lex(shown)
      if (shown !== text && isInFence(tokens, text.slice(shown.length))) tokens = lex(text)
      blocks.show(tokens, !isDone, settled)
      if (!isDone) settle(shown, tokens)
    },
  }
}

/** Returns where each token starts, if the first one starts at `offset`. */
function toStarts(tokens: readonly { readonly raw: string }[], offset: number): number[] {
  return tokens.map(({ raw }) => (offset += raw.length) - raw.length)
}

/** Whether the line at this place has ended. */
function isLineWhole(text: string, offset: number | undefined): boolean {
  return text.includes('\n', offset)
}

// Compiles the parser's regular expressions while the page is idle. Otherwise the first text would
// wait 50 ms for this.
whenIdle(() => createMarkdown(document.createElement('div')).update('- a `b`\n\n**中。**文 **c', false))
