import type { Token, Tokens } from 'marked'
import { toLinksKey } from './block.ts'
import type { Block, Blocks, Context } from './block.ts'

interface RenderedItem {
  readonly node: HTMLElement
  readonly blocks: Blocks
  checkbox?: HTMLInputElement | undefined
  raw: string
  isOpen: boolean
  linksKey: string
}

/**
 * A list. Its items stay in the page when more items come. A later item may make the list loose.
 * This changes only the class of the list element, so the earlier items stay the same.
 */
export function createList(first: Tokens.List, context: Context): Block {
  const node = document.createElement(first.ordered ? 'ol' : 'ul')
  const items: RenderedItem[] = []
  let isLoose = false

  return {
    node,
    update(token, isOpen, settledItems) {
      const list = token as Tokens.List
      if (list.ordered !== first.ordered) return false
      if (settledItems === 0) setStart(node, list)
      isLoose = list.loose || (settledItems > 0 && isLoose)
      setClass(node, isLoose ? 'loose' : '')
      for (const [index, item] of list.items.entries()) {
        const isLast = isOpen && index === list.items.length - 1
        const linksKey = toLinksKey(item.raw, context)
        const old = items[settledItems + index]
        if (old?.raw === item.raw && old.isOpen === isLast && old.linksKey === linksKey) continue
        const rendered = old ?? createItem(context)
        Object.assign(rendered, { raw: item.raw, isOpen: isLast, linksKey })
        showItem(rendered, item)
        if (!old) node.append(rendered.node)
        items[settledItems + index] = rendered
      }
      for (const { node: item } of items.splice(settledItems + list.items.length)) node.removeChild(item)
      return true
    },
  }
}

function createItem(context: Context): RenderedItem {
  const node = document.createElement('li')
  return { node, blocks: context.createBlocks(node, context), raw: '', isOpen: false, linksKey: '' }
}

function showItem(rendered: RenderedItem, item: Tokens.ListItem) {
  const { node } = rendered
  const tokens = item.task ? item.tokens.map(withoutBox) : item.tokens
  setClass(node, item.task ? 'task' : '')
  if (item.task) {
    if (!rendered.checkbox) {
      rendered.checkbox = document.createElement('input')
      rendered.checkbox.type = 'checkbox'
      rendered.checkbox.disabled = true
      node.prepend(rendered.checkbox)
    }
    if (rendered.checkbox.hasAttribute('checked') !== item.checked) rendered.checkbox.toggleAttribute('checked', item.checked)
    const label = item.text
      .replace(/^\[[ xX]\][ \t]*/, '')
      .split('\n', 1)[0]!
      .slice(0, 100)
    if (rendered.checkbox.ariaLabel !== label) rendered.checkbox.ariaLabel = label
  } else if (rendered.checkbox) {
    rendered.checkbox.remove()
    rendered.checkbox = undefined
  }
  rendered.blocks.show(tokens, rendered.isOpen)
}

/**
 * Removes `[x]` or `[ ]` from a paragraph. The library `marked` leaves it in the text if the list
 * is loose.
 */
function withoutBox(token: Token): Token {
  if (token.type !== 'paragraph') return token
  const text = (token as Tokens.Paragraph).text.replace(/^\[[ xX]\][ \t]*/, '')
  return { ...token, text }
}

function setStart(node: HTMLElement, { ordered, start }: Tokens.List) {
  const value = ordered && start !== 1 ? String(start) : null
  if (node.getAttribute('start') === value) return
  if (value === null) node.removeAttribute('start')
  else node.setAttribute('start', value)
}

function setClass(node: HTMLElement, name: string) {
  if (node.className === name) return
  if (name === '') node.removeAttribute('class')
  else node.className = name
}
