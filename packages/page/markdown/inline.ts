import type { Token, Tokens } from 'marked'
import { toLinksKey } from './block.ts'
import type { Context } from './block.ts'
import { completeInline } from './complete-inline.ts'
import { decodeEntities } from './entities.ts'
import { lexInline } from './lexer.ts'
import { toHonestHost, toSafeUrl } from './to-safe-url.ts'

/** The inline elements of a text, shown in one element. */
export interface Inline {
  update(text: string, isOpen: boolean): void
}

interface RenderedNode {
  readonly type: string
  readonly raw: string
  readonly node: Node
}

interface Piece {
  /**
   * The element that contains the piece. For the first piece, this is the element of the whole
   * text.
   */
  readonly container: HTMLElement
  readonly rendered: RenderedNode[]
  text: string
  linksKey: string
}

/**
 * A text longer than this is cut into independent pieces, so that the work for each token of the
 * answer has a limit. For each token, the library `marked` parses a whole piece. The browser lays
 * out a whole block element when something in it changes, and searches all of it when a node is
 * removed. So each piece has its own block element.
 */
const pieceLength = 3072
/**
 * The maximum number of marks in a piece. The work of `marked` grows with the square of this
 * number. For example, 3,000 characters of `*a *a … *a*` would take 130 ms.
 */
const pieceMarks = 256
const pieceMargin = 512

/**
 * Shows the inline elements of a text in `element`. Unchanged nodes are kept, so that a selection
 * in them stays.
 */
export function createInline(element: HTMLElement, context: Context): Inline {
  const pieces: Piece[] = []

  function addPiece(): Piece {
    const container = pieces.length === 0 ? element : document.createElement('div')
    if (container !== element) element.append(container)
    return { container, rendered: [], text: '', linksKey: '' }
  }

  return {
    update(text, isOpen) {
      const texts = cut(text)
      if (isOpen) texts.push(completeInline(texts.pop() ?? ''))
      for (const { container } of pieces.splice(texts.length)) container.remove()
      for (const [index, text] of texts.entries()) {
        const piece = (pieces[index] ??= addPiece())
        const linksKey = toLinksKey(text, context)
        if (piece.text === text && piece.linksKey === linksKey) continue
        Object.assign(piece, { text, linksKey })
        show(piece, lexInline(text, context.links), context, index === 0 ? pieces[1]?.container : undefined)
      }
    },
  }
}

function show({ container, rendered }: Piece, tokens: readonly Token[], context: Context, next?: Node) {
  for (const [index, token] of tokens.entries()) {
    const { type } = token
    // A reference with the same text can have another address now.
    const raw = token.raw + toLinksKey(token.raw, context)
    const old = rendered[index]
    if (old?.type === type && old.raw === raw) continue
    if (old?.type === 'text' && type === 'text') {
      setText(old.node as Text, decodeEntities(token.raw))
      rendered[index] = { type, raw, node: old.node }
      continue
    }
    const node = toNode(token, context, false)
    if (old) container.replaceChild(node, old.node)
    else container.insertBefore(node, next ?? null)
    rendered[index] = { type, raw, node }
  }
  for (const { node } of rendered.splice(tokens.length)) container.removeChild(node)
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

/**
 * Makes a link instead of an image, because the page must not load an address that a model wrote.
 */
function toImage(token: Tokens.Image, { options }: Context, isInLink: boolean): Node {
  const { imageLabel = (description) => `Image: ${description}` } = options
  const url = toSafeUrl(token.href)
  const host = url?.host && `(${url.host})`
  const label = imageLabel([decodeEntities(token.text), host].filter(Boolean).join(' '))
  const image = url && host && !isInLink ? toAnchor(url, [label]) : toElement('span', [label])
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

/**
 * Cuts a text into pieces, if possible at the end of a line, sentence or word. A cut stays at its
 * place when more text comes.
 */
function cut(text: string): string[] {
  const pieces = []
  let start = 0
  for (let end = toPieceEnd(text, start); end !== undefined; end = toPieceEnd(text, start)) {
    pieces.push(text.slice(start, end))
    start = end
  }
  return [...pieces, text.slice(start)]
}

function toPieceEnd(text: string, start: number): number | undefined {
  if (text.length - start < pieceMarks + pieceMargin) return undefined
  let marks = 0
  let end = start
  for (const max = start + pieceLength; end < max && marks < pieceMarks; end += 1) if (isMark(text.charCodeAt(end))) marks += 1
  if (text.length < end + pieceMargin) return undefined
  const window = text.slice(end, end + pieceMargin)
  const offset = [window.indexOf('\n'), window.search(/[.!?] /) + 1, window.search(/[。！？]/), window.indexOf(' ')].find(
    (index) => index > 0,
  )
  if (offset !== undefined) return end + offset + 1
  return /[\udc00-\udfff]/.test(text[end]!) ? end - 1 : end
}

/** Whether a character is ASCII punctuation. Markdown's marks consist of such characters. */
function isMark(code: number): boolean {
  return (code > 32 && code < 48) || (code > 57 && code < 65) || (code > 90 && code < 97) || (code > 122 && code < 127)
}
