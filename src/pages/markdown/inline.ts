import type { Token, Tokens } from 'marked'
import type { Context } from './context.ts'
import { decodeEntities } from './entities.ts'
import { completeInline } from './half-open.ts'
import { lexInline } from './lexer.ts'
import { toHonestHost, toSafeUrl } from './to-safe-url.ts'

/** A text's inlines in an element. */
export interface Inline {
  update(text: string, isOpen: boolean): void
}

interface Kept {
  readonly type: string
  readonly raw: string
  readonly node: Node
}

interface Piece {
  text: string
  linksKey: string
  /** How many nodes it has. */
  size: number
}

/** A longer text is cut into pieces that know nothing of each other, so that the work per token has a limit. */
const pieceLength = 3072
const pieceMargin = 512

/** Shows inlines in the element, and keeps the nodes of those that stay: a selection in them stays as well. */
export function createInline(element: HTMLElement, context: Context): Inline {
  let pieces: Piece[] = []
  const kept: Kept[] = []

  return {
    update(text, isOpen) {
      const texts = cut(text)
      if (isOpen) texts.push(completeInline(texts.pop() ?? ''))
      let [same, base] = [0, 0]
      while (
        same < texts.length &&
        pieces[same]?.text === texts[same] &&
        pieces[same]!.linksKey === toLinksKey(texts[same]!, context)
      ) {
        base += pieces[same]!.size
        same += 1
      }
      pieces = pieces.slice(0, same)
      const tokens = texts.slice(same).flatMap((text) => {
        const tokens = lexInline(text, context.links)
        pieces.push({ text, linksKey: toLinksKey(text, context), size: tokens.length })
        return tokens
      })
      show(element, kept, base, tokens, context)
    },
  }
}

function show(element: HTMLElement, kept: Kept[], base: number, tokens: readonly Token[], context: Context) {
  for (const [index, token] of tokens.entries()) {
    const { type } = token
    // A reference is the same text with another address.
    const raw = token.raw + toLinksKey(token.raw, context)
    const old = kept[base + index]
    if (old?.type === type && old.raw === raw) continue
    if (old?.type === 'text' && type === 'text') {
      setText(old.node as Text, decodeEntities(token.raw))
      kept[base + index] = { type, raw, node: old.node }
      continue
    }
    const node = toNode(token, context, false)
    if (old) element.replaceChild(node, old.node)
    else element.append(node)
    kept[base + index] = { type, raw, node }
  }
  for (const { node } of kept.splice(base + tokens.length)) element.removeChild(node)
}

function toNode(token: Token, context: Context, isInLink: boolean): Node {
  const children = () => ((token as Tokens.Strong).tokens ?? []).map((child) => toNode(child, context, isInLink))
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return toElement(token.type, children())
    case 'codespan':
      return toElement('code', [(token as Tokens.Codespan).text])
    case 'br':
      return document.createElement('br')
    case 'escape':
      return new Text((token as Tokens.Escape).text)
    case 'link':
      return toLink(token as Tokens.Link, context, isInLink)
    case 'image':
      return toImage(token as Tokens.Image, context, isInLink)
    default:
      return new Text(decodeEntities(token.raw))
  }
}

function toLink(token: Tokens.Link, context: Context, isInLink: boolean): Node {
  const url = isInLink ? undefined : toSafeUrl(token.href)
  const children = token.tokens.map((child) => toNode(child, context, isInLink || url !== undefined))
  if (!url) return toElement('span', children)
  const link = toAnchor(url, children)
  const host = toHonestHost(url, link.textContent)
  if (host !== undefined) link.append(` (${host})`)
  return link
}

/** Nothing of a model's is loaded: an image becomes a link to it. */
function toImage(token: Tokens.Image, { options }: Context, isInLink: boolean): Node {
  const { imageLabel = (alt, host) => `Image: ${[alt, host && `(${host})`].filter(Boolean).join(' ')}` } = options
  const url = toSafeUrl(token.href)
  const label = imageLabel(decodeEntities(token.text), url?.host ?? '')
  const image = url && url.host !== '' && !isInLink ? toAnchor(url, [label]) : toElement('span', [label])
  image.className = 'image'
  return image
}

function toAnchor(url: URL, children: readonly (Node | string)[]): HTMLAnchorElement {
  const link = toElement('a', children)
  link.href = url.href
  link.title = url.href
  link.rel = 'noopener noreferrer nofollow'
  link.target = '_blank'
  return link
}

function toElement<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  children: readonly (Node | string)[],
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  element.append(...children)
  return element
}

function setText(node: Text, text: string) {
  if (text.startsWith(node.data)) {
    if (text.length > node.data.length) node.appendData(text.slice(node.data.length))
  } else node.data = text
}

function toLinksKey(text: string, { linksKey }: Context): string {
  return text.includes('[') ? linksKey : ''
}

/** Pieces that end at a line's or word's end. Where the cut is depends on no more than is before it, so that it stays when more comes. */
function cut(text: string): string[] {
  const pieces = []
  let start = 0
  while (text.length - start >= pieceLength + pieceMargin) {
    const window = text.slice(start + pieceLength, start + pieceLength + pieceMargin)
    const at = [window.indexOf('\n'), window.search(/[.!?] /) + 1, window.search(/[。！？]/), window.indexOf(' ')].find(
      (at) => at > 0,
    )
    const end = start + pieceLength + (at === undefined ? 0 : at + 1)
    const isInPair = /[\udc00-\udfff]/.test(text[end]!)
    pieces.push(text.slice(start, end - (isInPair ? 1 : 0)))
    start = end - (isInPair ? 1 : 0)
  }
  return [...pieces, text.slice(start)]
}
