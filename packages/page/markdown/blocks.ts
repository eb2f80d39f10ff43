import type { Token, Tokens } from 'marked'
import { isVisible, toLinksKey } from './block.ts'
import type { Block, Blocks, Context } from './block.ts'
import { createCode } from './code-block.ts'
import { toTable } from './half-open.ts'
import { createInline } from './inline.ts'
import { createList } from './list.ts'
import { createTable } from './table.ts'

/** A block, and the token that it was made from. */
interface RenderedBlock {
  readonly type: string
  readonly block: Block
  readonly raw: string
  readonly isOpen: boolean
  readonly linksKey: string
  readonly settledItems: number
}

export function createBlocks(element: HTMLElement, context: Context): Blocks {
  const rendered: RenderedBlock[] = []
  return {
    show(tokens, isOpen, settled = { blocks: 0, items: 0 }) {
      const last = tokens.at(-1)
      const visible = tokens.filter(isVisible)
      for (const [index, found] of visible.entries()) {
        const isLast = isOpen && found === last
        const token = (isLast && isText(found) && toTable((found as Tokens.Text).text)) || found
        const { raw } = token
        const type = toKind(token)
        const linksKey = toLinksKey(raw, context)
        const settledItems = index === 0 ? settled.items : 0
        const place = settled.blocks + index
        const old = rendered[place]
        if (
          old?.type === type &&
          old.raw === raw &&
          old.isOpen === isLast &&
          old.linksKey === linksKey &&
          old.settledItems === settledItems
        )
          continue
        const isUpdated = old?.type === type && old.block.update(token, isLast, settledItems)
        const block = isUpdated ? old.block : createBlock(type, token, context)
        if (!isUpdated) {
          block.update(token, isLast, settledItems)
          if (old) element.replaceChild(block.node, old.block.node)
          else element.append(block.node)
        }
        rendered[place] = { type, block, raw, isOpen: isLast, linksKey, settledItems }
      }
      for (const { block } of rendered.splice(settled.blocks + visible.length)) element.removeChild(block.node)
    },
  }
}

function createBlock(type: string, token: Token, context: Context): Block {
  if (type === 'code') return createCode(token as Tokens.Code, context)
  if (type === 'list') return createList(token as Tokens.List, context)
  if (type === 'table') return createTable(token as Tokens.Table, context)
  if (type === 'blockquote') return createQuote(context)
  if (type === 'hr') return { node: document.createElement('hr'), update: () => true }
  return createLine(type, token, context)
}

function createQuote(context: Context): Block {
  const node = document.createElement('blockquote')
  const blocks = createBlocks(node, context)
  return {
    node,
    update(token, isOpen) {
      blocks.show((token as Tokens.Blockquote).tokens, isOpen)
      return true
    },
  }
}

/**
 * A paragraph or a heading. A heading is shown two levels lower than the model wrote it, because
 * the page has its own headings above.
 */
function createLine(type: string, token: Token, context: Context): Block {
  const depth = token.type === 'heading' ? (token as Tokens.Heading).depth : 0
  const node = document.createElement(type === 'paragraph' ? 'p' : `h${Math.min(6, depth + 2)}`)
  if (depth > 0) node.className = `heading-${depth}`
  const inline = createInline(node, context)
  return {
    node,
    update(token, isOpen) {
      // A heading is complete at the end of its line.
      inline.update((token as Tokens.Text).text, isOpen && !(depth > 0 && token.raw.endsWith('\n')))
      return true
    },
  }
}

function isText({ type }: Token): boolean {
  return type === 'paragraph' || type === 'text'
}

/**
 * Returns the kind of a token. While the kind stays the same, the block stays and only its text
 * changes.
 */
function toKind(token: Token): string {
  if (token.type === 'heading') return `heading-${(token as Tokens.Heading).depth}`
  return isText(token) ? 'paragraph' : token.type
}
