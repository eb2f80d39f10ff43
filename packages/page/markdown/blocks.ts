import type { Token, Tokens } from 'marked'
import type { Block, Context, ShowBlocks, KeptBlock } from './block.ts'
import { createCode } from './code-block.ts'
import { toTable } from './half-open.ts'
import { createInline } from './inline.ts'
import { createList } from './list.ts'
import { createTable } from './table.ts'

export const showBlocks: ShowBlocks = (element, kept, base, tokens, context, isOpen) => {
  const last = tokens.at(-1)
  const visible = tokens.filter(({ type }) => type !== 'space' && type !== 'def' && type !== 'checkbox')
  for (const [index, found] of visible.entries()) {
    const isLast = isOpen && found === last
    const token = (isLast && isText(found) && toTable((found as Tokens.Text).text)) || found
    const type = toKind(token)
    const linksKey = token.raw.includes('[') ? context.linksKey : ''
    const old = kept[base + index]
    if (old && old.type === type && old.raw === token.raw && old.isOpen === isLast && old.linksKey === linksKey) continue
    const isUpdated = old?.type === type && old.block.update(token, isLast)
    const block = isUpdated ? old.block : createBlock(type, token, context)
    if (!isUpdated) {
      block.update(token, isLast)
      if (old) element.replaceChild(block.node, old.block.node)
      else element.append(block.node)
    }
    kept[base + index] = { type, block, raw: token.raw, isOpen: isLast, linksKey }
  }
  for (const { block } of kept.splice(base + visible.length)) element.removeChild(block.node)
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
  const kept: KeptBlock[] = []
  return {
    node,
    update(token, isOpen) {
      showBlocks(node, kept, 0, (token as Tokens.Blockquote).tokens, context, isOpen)
      return true
    },
  }
}

/** A paragraph, or a heading: two levels lower than the model's, for the page has its own above. */
function createLine(type: string, token: Token, context: Context): Block {
  const depth = token.type === 'heading' ? (token as Tokens.Heading).depth : 0
  const node = document.createElement(type === 'paragraph' ? 'p' : `h${Math.min(6, depth + 2)}`)
  if (depth > 0) node.className = `heading-${depth}`
  const inline = createInline(node, context)
  return {
    node,
    update(token, isOpen) {
      // The line's end is the heading's.
      inline.update((token as Tokens.Text).text, isOpen && !(depth > 0 && token.raw.endsWith('\n')))
      return true
    },
  }
}

function isText({ type }: Token): boolean {
  return type === 'paragraph' || type === 'text'
}

/** What a block can stay when its text changes. */
function toKind(token: Token): string {
  if (token.type === 'heading') return `heading-${(token as Tokens.Heading).depth}`
  return isText(token) ? 'paragraph' : token.type
}
