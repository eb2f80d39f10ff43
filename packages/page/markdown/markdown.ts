import type { Links, Token, Tokens } from 'marked'
import type { Context, KeptBlock, MarkdownOptions } from './block.ts'
import { showBlocks } from './blocks.ts'
import { isInFence, toShownLength } from './half-open.ts'
import { lexBlocks } from './lexer.ts'
import type { RestOfList } from './list.ts'
import { whenIdle } from './when-idle.ts'

export type { MarkdownOptions } from './block.ts'

export interface Markdown {
  /** Shows the text so far; `isDone`: it is whole, so nothing half-open is completed. Synchronous, cheap: only open blocks are made again. */
  update(text: string, isDone: boolean): void
}

/** What is before this is settled: it is neither lexed nor shown again until the text is whole. */
interface Settled {
  /** Where the rest of the text starts. */
  readonly at: number
  readonly blocks: number
  /** The rest starts in the middle of a list: where that starts, its kind, and how many of its items are settled. */
  readonly list?: { readonly at: number; readonly kind: string; readonly items: number }
}

const nothing: Settled = { at: 0, blocks: 0 }

/**
 * Shows Markdown that grows in an element. While it grows only the blocks at its end are lexed: those that something whole stands behind are
 * settled. When it is whole, all of it is lexed once, and what that changes (a reference that is defined below its use) is made again: the
 * result is the same as if the text had come at once.
 */
export function createMarkdown(root: HTMLElement, options: MarkdownOptions = {}): Markdown {
  const kept: KeptBlock[] = []
  let settledLinks: Links = Object.create(null)
  let settled = nothing
  let last = ''
  const context: Context = { options, links: settledLinks, linksKey: '', showBlocks }

  function reset() {
    settled = nothing
    settledLinks = Object.create(null)
  }

  function lex(text: string): Token[] {
    const links: Links = Object.assign(Object.create(null), settledLinks)
    const tokens = lexBlocks(text.slice(settled.at), links)
    context.links = links
    context.linksKey = JSON.stringify(links)
    const [first] = tokens
    if (!settled.list) return tokens
    if (first?.type === 'list' && toKind(first) === settled.list.kind) {
      const rest: RestOfList = first as Tokens.List
      rest.settled = settled.list.items
      return tokens
    }
    settled = { at: settled.list.at, blocks: settled.blocks }
    return lex(text)
  }

  function settle(text: string, tokens: readonly Token[]) {
    let { at, blocks } = settled
    const starts = tokens.map(({ raw }) => (at += raw.length) - raw.length)
    const index = tokens.findLastIndex(({ type }, index) => type !== 'space' && text.indexOf('\n', starts[index]) !== -1)
    const token = tokens[index]
    if (!token || tokens.some(({ raw }, index) => !text.startsWith(raw, starts[index]))) return
    for (const { type } of tokens.slice(0, index)) if (type !== 'space' && type !== 'def') blocks += 1
    keepLinks(text.slice(settled.at, starts[index]))
    const before = index === 0 ? settled.list : undefined
    settled = { at: starts[index]!, blocks, ...(before && { list: before }) }
    if (token.type === 'list') settleItems(text, token as Tokens.List, starts[index]!)
  }

  /** Adds what settled text defines; what the rest defines may still change. */
  function keepLinks(text: string) {
    if (text.includes(']:')) lexBlocks(text, settledLinks)
  }

  function settleItems(text: string, list: RestOfList, start: number) {
    let at = start
    const starts = list.items.map(({ raw }) => (at += raw.length) - raw.length)
    const index = starts.findLastIndex((at) => text.indexOf('\n', at) !== -1)
    if (index < 1) return
    keepLinks(text.slice(start, starts[index]))
    const items = (list.settled ?? 0) + index
    settled = { at: starts[index]!, blocks: settled.blocks, list: { at: settled.list?.at ?? start, kind: toKind(list), items } }
    const block = kept[settled.blocks]
    // The rest of a list can look like what it was before.
    if (block) block.raw = ''
  }

  return {
    update(whole, isDone) {
      const text = (isDone ? whole : whole.replace(/\r$/, '')).replace(/\r\n?/g, '\n')
      if (isDone || !text.startsWith(last)) reset()
      last = text
      const shown = isDone ? text : text.slice(0, toShownLength(text))
      let tokens = lex(shown)
      if (shown !== text && isInFence(tokens, text.slice(shown.length))) tokens = lex(text)
      showBlocks(root, kept, settled.blocks, tokens, context, !isDone)
      if (!isDone) settle(shown, tokens)
    },
  }
}

function toKind(token: Token): string {
  return /^ {0,3}(?:[-*+]|\d{1,9}([.)]))/.exec(token.raw)?.[0]?.replace(/[ \d]/g, '') ?? ''
}

// The first text would else wait 50 ms for the parser's expressions to be compiled.
if (typeof document === 'object')
  whenIdle(() => createMarkdown(document.createElement('div')).update('- a `b`\n\n**中。**文 **c', false))
