import type { Token, Tokens } from 'marked'
import type { Block, Context, KeptBlock } from './block.ts'

/** A list of which the first items are left out, because nothing can change them any more. */
export interface RestOfList extends Tokens.List {
  settled?: number
}

interface KeptItem {
  readonly node: HTMLElement
  readonly blocks: KeptBlock[]
  checkbox?: HTMLInputElement | undefined
  raw: string
  isOpen: boolean
  linksKey: string
}

/** A list whose items stay when more come. Whether it is loose is a class: it may turn out at any item, and would else change those before. */
export function createList(first: Tokens.List, context: Context): Block {
  const node = document.createElement(first.ordered ? 'ol' : 'ul')
  const items: KeptItem[] = []
  let isLoose = false

  return {
    node,
    update(token, isOpen) {
      const list = token as RestOfList
      const base = list.settled ?? 0
      if (list.ordered !== first.ordered) return false
      if (base === 0) setStart(node, list)
      isLoose = list.loose || (base > 0 && isLoose)
      setClass(node, isLoose ? 'loose' : '')
      for (const [index, item] of list.items.entries()) {
        const isLast = isOpen && index === list.items.length - 1
        const linksKey = item.raw.includes('[') ? context.linksKey : ''
        const old = items[base + index]
        if (old?.raw === item.raw && old.isOpen === isLast && old.linksKey === linksKey) continue
        const kept: KeptItem = old ?? { node: document.createElement('li'), blocks: [], raw: '', isOpen, linksKey }
        Object.assign(kept, { raw: item.raw, isOpen: isLast, linksKey })
        showItem(kept, item, context)
        if (!old) node.append(kept.node)
        items[base + index] = kept
      }
      for (const { node: item } of items.splice(base + list.items.length)) node.removeChild(item)
      return true
    },
  }
}

function showItem(kept: KeptItem, item: Tokens.ListItem, context: Context) {
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
  context.showBlocks(node, kept.blocks, 0, tokens, context, kept.isOpen)
}

/** In a loose list marked puts the box back into the text. */
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
