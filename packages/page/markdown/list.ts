import type { Token, Tokens } from 'marked'
import { toLinksKey } from './block.ts'
import type { Block, Blocks, Context } from './block.ts'

interface KeptItem {
  readonly node: HTMLElement
  readonly blocks: Blocks
  checkbox?: HTMLInputElement | undefined
  raw: string
  isOpen: boolean
  linksKey: string
}

/**
 * A list whose items stay in the page when more items come. Any item may make a list loose.
 * Looseness is a class of the list, so the earlier items need not change.
 */
export function createList(first: Tokens.List, context: Context): Block {
  const node = document.createElement(first.ordered ? 'ol' : 'ul')
  const items: KeptItem[] = []
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
        const kept = old ?? createItem(context)
        Object.assign(kept, { raw: item.raw, isOpen: isLast, linksKey })
        showItem(kept, item)
        if (!old) node.append(kept.node)
        items[settledItems + index] = kept
      }
      for (const { node: item } of items.splice(settledItems + list.items.length)) node.removeChild(item)
      return true
    },
  }
}

function createItem(context: Context): KeptItem {
  const node = document.createElement('li')
  return { node, blocks: context.createBlocks(node, context), raw: '', isOpen: false, linksKey: '' }
}

function showItem(kept: KeptItem, item: Tokens.ListItem) {
  const { node } = kept
  const tokens = item.task ? item.tokens.map(withoutBox) : item.tokens
  setClass(node, item.task ? 'task' : '')
  if (item.task) {
    if (!kept.checkbox) {
      kept.checkbox = document.createElement('input')
      kept.checkbox.type = 'checkbox'
      kept.checkbox.disabled = true
      node.prepend(kept.checkbox)
    }
    if (kept.checkbox.hasAttribute('checked') !== item.checked) kept.checkbox.toggleAttribute('checked', item.checked)
    const label = item.text
      .replace(/^\[[ xX]\][ \t]*/, '')
      .split('\n', 1)[0]!
      .slice(0, 100)
    if (kept.checkbox.ariaLabel !== label) kept.checkbox.ariaLabel = label
  } else if (kept.checkbox) {
    kept.checkbox.remove()
    kept.checkbox = undefined
  }
  kept.blocks.show(tokens, kept.isOpen)
}

/** In a loose list marked puts the box back into the text, so it is taken out again. */
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
